"""Which headers go on to the next hop, in either direction.

Hop-by-hop headers and those a ``Connection`` header nominates stay behind (RFC 9110, 7.6.1).
The framing of bodies is decided in passthrough.py, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from multidict import CIMultiDict, CIMultiDictProxy

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = HOP_BY_HOP | {"host"}
_HOP_BY_HOP_BYTES = frozenset(name.encode() for name in HOP_BY_HOP)

# Nominating one of these would turn a caller into somebody else (anonymous, or the user that runs as another),
# or change where a body ends.
_NEVER_NOMINATED = frozenset(
    {
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "es-secondary-authorization",
        "es-secondary-x-client-authentication",
        "es-security-runas-user",
        "expect",
    }
)


class UnforwardableHeader(ValueError):
    """A header whose bytes are no UTF-8, which aiohttp's client would silently drop."""


def forwarded_headers(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The caller's headers as the cluster may see them.

    Raises:
        UnforwardableHeader: for bytes that could not be passed on unchanged
    """
    left_out = _NOT_FORWARDED
    if "Connection" in headers:
        left_out = left_out | _nominated(headers.getall("Connection"))
    forwarded: CIMultiDict[str] = CIMultiDict()
    spelling: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in left_out:
            continue
        if not value.isascii():
            _check_forwardable(name, value)
        # aiohttp's client keeps repeated headers apart only if they are spelt alike
        forwarded.add(spelling.setdefault(lower, name), value)
    return forwarded


def relayed_header_lines(raw_headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The cluster's headers as lines for the caller, byte by byte as they came, repeated ones apart."""
    raw_headers = tuple(raw_headers)
    left_out: frozenset[bytes] = _HOP_BY_HOP_BYTES
    for name, value in raw_headers:
        if name.lower() == b"connection":
            nominated = _nominated([value.decode("latin-1")])
            left_out = left_out | {other.encode("latin-1") for other in nominated}
    return [b"%b: %b\r\n" % (name, value) for name, value in raw_headers if name.lower() not in left_out]


def is_plainly_framed(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a request's body can end in one place only.

    aiohttp itself refuses two lengths and a length beside a transfer coding; it lets codings before
    ``chunked`` pass, on whose meaning servers differ.
    """
    codings = headers.getall("Transfer-Encoding", None)
    return codings is None or (len(codings) == 1 and codings[0].strip().lower() == "chunked")


def _nominated(connection_values: Sequence[str]) -> frozenset[str]:
    names = {name.strip().lower() for value in connection_values for name in value.split(",")}
    return frozenset(names - _NEVER_NOMINATED)


def _check_forwardable(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnforwardableHeader(f"header [{name}] is not valid UTF-8") from error
