"""The way out: requests to the receivers of messages, and which addresses they may go to.

What a user enters as a receiver is reached from inside the operator's network. So every address that a name leads to
is checked after it was looked up and is the one that is connected to; redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from proxy.config import AlertingConfig

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Where clouds answer questions about a machine, credentials included, apart from the link-local addresses.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")


class NotAllowed(Exception):
    """An address that messages may not go to."""


def is_refused(address: str) -> bool:
    """Whether nothing may be sent to an address, however it is written."""
    ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA


def _inner(ip: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _6TO4 and ip.sixtofour is not None:
        return ip.sixtofour
    return ip


def is_allowed_host(host: str, allowed: Iterable[str]) -> bool:
    name = host.lower().rstrip(".")
    return any(
        pattern == "*" or name == pattern.lower() or (pattern[:2] == "*." and name.endswith(pattern[1:].lower()))
        for pattern in allowed
    )


class GuardedResolver(AbstractResolver):
    """Looks names up and gives only addresses that may be connected to."""

    def __init__(self, allowed_hosts: Iterable[str], resolver: AbstractResolver | None = None) -> None:
        self._allowed = tuple(allowed_hosts)
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.check(host)
        found = await self._resolver.resolve(host, port, family)
        if any(is_refused(each["host"]) for each in found):
            raise NotAllowed(f"host [{host}] has an address to which no messages may go")
        return found

    def check(self, host: str) -> None:
        """
        Raises:
            NotAllowed: the settings do not allow a host, or it is an address that is refused.
        """
        if not is_allowed_host(host, self._allowed):
            raise NotAllowed(f"host [{host}] is not among [alerting.allowed_hosts]")
        if _is_address(host) and is_refused(host):
            raise NotAllowed(f"host [{host}] is an address to which no messages may go")

    async def close(self) -> None:
        await self._resolver.close()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; ``tls`` is a context of its own where the usual authorities are not wanted."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, the text cut to what is of use."""

    status: int
    text: str
    retry_after: str | None


class Egress:
    """One set of connections to all receivers; closed at the end of ``async with``."""

    def __init__(self, config: AlertingConfig) -> None:
        self._timeout = aiohttp.ClientTimeout(total=config.send_timeout)
        self._max_answer = config.max_answer_length
        self.resolver = GuardedResolver(config.allowed_hosts)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Answer:
        """
        Raises:
            NotAllowed: messages may not go there.
            aiohttp.ClientError, TimeoutError, OSError: the receiver could not be reached or did not answer.
        """
        url = URL(request.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise NotAllowed("the address must begin with http:// or https:// and name a host")
        # What is an address already is not looked up.
        self.resolver.check(url.host)
        async with self._opened().request(
            request.method,
            url,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            ssl=request.tls or True,
        ) as response:
            text = await self._beginning(response.content)
            return Answer(response.status, text, response.headers.get("Retry-After"))

    async def _beginning(self, content: aiohttp.StreamReader) -> str:
        read = bytearray()
        while len(read) < self._max_answer and (part := await content.read(self._max_answer - len(read))):
            read += part
        return read.decode("utf-8", "replace")

    def _opened(self) -> aiohttp.ClientSession:
        # Made at first use, because its connections belong to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self.resolver, limit=64, use_dns_cache=False),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                # A few kilobytes may inflate to gigabytes.
                auto_decompress=False,
                headers={"User-Agent": "lanewatch"},
            )
        return self._session

    async def connected(self, host: str, port: int) -> socket.socket:
        """A connection for those who speak something else than HTTP.

        Raises:
            NotAllowed, OSError: as ``send``.
        """
        self.resolver.check(host)
        loop = asyncio.get_running_loop()
        if _is_address(host):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            found = [(family, host)]
        else:
            every = await self.resolver.resolve(host, port, socket.AF_UNSPEC)
            found = [(socket.AddressFamily(each["family"]), each["host"]) for each in every]
        problem: OSError = OSError(f"host [{host}] has no address")
        for family, address in found:
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, (address, port))
            except OSError as error:
                sock.close()
                problem = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise problem
