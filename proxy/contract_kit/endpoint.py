"""Plain HTTP to an endpoint: sends paths byte by byte as a scenario writes them, which no client library does."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from proxy.contract_kit.scenario import Request
from proxy.host_credentials import name_and_password

_TIMEOUT_S = 120


class ContractProblem(Exception):
    """Why a run cannot begin or go on: no answer, an address or a file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def parsed(self) -> Any:
        """The value of a JSON body, any other body as text."""
        if not self.body or "json" not in self.headers.get("content-type", ""):
            return self.body.decode(errors="replace")
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server; every request has a connection of its own. ``headers`` go with each."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None

    def send(self, request: Request) -> Answer:
        """
        Raises:
            ContractProblem: if no answer comes
        """
        parts = urlsplit(self.url)
        target = parts.path.rstrip("/") + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        body, kind = _body(request)
        headers = self.headers | ({} if kind is None else {"content-type": kind}) | dict(request.headers)
        try:
            connection = self._connection(parts.scheme, parts.netloc.rpartition("@")[2])
            try:
                connection.request(request.method, target, body=body, headers=headers)
                response = connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise ContractProblem(f"no answer from [{self.url}]: {error or type(error).__name__}") from error

    def _connection(self, scheme: str, address: str) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(address, timeout=_TIMEOUT_S, context=self.context)
        return http.client.HTTPConnection(address, timeout=_TIMEOUT_S)

    def call(self, method: str, path: str, body: Any = None, **query: object) -> Answer:
        """Of the kit's own accord, to look around and to clean up."""
        return self.send(Request(method, path, query, {}, body=body))


def _body(request: Request) -> tuple[bytes | None, str | None]:
    """The bytes to send and their type."""
    if request.body is not None:
        return json.dumps(request.body).encode(), "application/json"
    if request.ndjson is not None:
        return "".join(json.dumps(row) + "\n" for row in request.ndjson).encode(), "application/x-ndjson"
    if request.text is not None:
        return request.text.encode(), "application/json"
    return None, None


def credentials(user: str | None, api_key: str | None) -> dict[str, str]:
    """The headers that say who asks. ``user`` is ``name:password``; a name alone is asked for its password."""
    if api_key is not None:
        return {"authorization": f"ApiKey {api_key}"}
    if user is None:
        return {}
    pair = ":".join(name_and_password(user))
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def endpoint(url: str, headers: dict[str, str], *, ca_certs: str | None = None, insecure: bool = False) -> Endpoint:
    """``headers`` go with every request; ``insecure`` trusts every certificate.

    Raises:
        ContractProblem: if the address is none, or the file of authorities cannot be used
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ContractProblem(f"cannot use [{url}]: it is no address like https://host:9200")
    return Endpoint(url, headers, _context(ca_certs, insecure) if parts.scheme == "https" else None)


def _context(ca_certs: str | None, insecure: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_certs)
    except OSError as error:
        raise ContractProblem(f"cannot use [{ca_certs}]: {error}") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
