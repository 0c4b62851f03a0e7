"""One request as a handler sees it: path, query and body, checked against the operation's schema.

Reading and checking live here; what an operation does with them lives in ``handlers``. Counterpart: ``render``.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

import orjson
import yaml
from aiohttp import StreamReader, web

from proxy.api.operation import Match, Operation
from proxy.body_text import At, BodyText
from proxy.errors import MlError, PlainError, illegal_argument, parse_error, unrecognized_parameters, x_content_parse
from proxy.schemas import Fault, Schemas, Section

ALWAYS_ALLOWED = ("pretty", "human", "format", "filter_path", "error_trace", "source", "source_content_type")
_BODY_TYPES = (
    "json",
    "yaml",
    "x-ndjson",
    "vnd.elasticsearch+json",
    "vnd.elasticsearch+x-ndjson",
    "vnd.elasticsearch+yaml",
)
# Headers that say who calls; they go to the cluster untouched when it is asked about the caller.
IDENTITY_HEADERS = (
    "Authorization",
    "es-security-runas-user",
    "es-secondary-authorization",
    "X-Opaque-Id",
    "traceparent",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with more than a 200 and a JSON body. A ``str`` body is plain text, ``bytes`` are finished JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request. ``query`` and ``body`` hold only what was given, as real numbers, booleans and lists."""

    operation: Operation
    method: str
    uri: str
    template: str
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    identity: Mapping[str, str]
    text: BodyText | None = None
    section: Section | None = None
    content: AsyncIterator[bytes] | None = None
    content_type: str = ""
    human: bool = False
    warnings: list[str] = field(default_factory=list)

    def option(self, name: str, default: Any = None) -> Any:
        """An option that may stand in the body or the query; where there is a body, only the body counts."""
        source = self.body if isinstance(self.body, Mapping) else self.query
        return source.get(name, default)

    def warn(self, text: str) -> None:
        """Adds a deprecation warning to the answer."""
        if text not in self.warnings:
            self.warnings.append(text)

    def body_error(self, path: Sequence[str | int], error: MlError, at: At = "end") -> MlError:
        """``error`` as Elasticsearch's body parser reports a rule broken at ``path``; unwrapped where there is no body."""
        if self.text is None or self.section is None or not path:
            return error
        return _wrapped(self.section, self.text, Fault(tuple(path), at, error, True, "value"))


def read_query(raw_query: str) -> dict[str, str]:
    """The query string as Elasticsearch reads it: a parameter without a value is empty, the last one counts."""
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


async def make_call(
    request: web.Request, match: Match, schemas: Schemas, query: Mapping[str, str], *, max_bytes: int
) -> Call:
    """Reads and checks a request.

    Raises:
        MlError: the first fault in the order in which Elasticsearch looks: body, query, path.
    """
    operation = match.operation
    uri = request.raw_path.partition("?")[0]
    call = Call(
        operation=operation,
        method=request.method,
        uri=uri,
        template=match.template,
        path=match.parts,
        query={},
        body=None,
        identity={name: request.headers[name] for name in IDENTITY_HEADERS if name in request.headers},
        human="human" in query and query["human"] != "false",
        content_type=request.headers.get("Content-Type", ""),
    )
    if operation.body == "stream":
        _check_content_type(request, has_body=request.body_exists)
        call = replace(call, content=read_body(request, max_bytes))
    else:
        raw = await _read_all(request, max_bytes)
        call = _with_body(call, raw or query.get("source", "").encode(), schemas, request, ml_body=operation.body)
    return _with_path(_with_query(call, query, schemas), schemas)


async def _read_all(request: web.Request, max_bytes: int) -> bytes:
    if not request.body_exists:
        return b""
    return b"".join([chunk async for chunk in read_body(request, max_bytes)])


async def read_body(request: web.Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body in chunks, inflated where it came as gzip.

    Raises:
        MlError: 413 beyond ``max_bytes``, counted after inflating; 400 for a broken gzip stream.
    """
    if (request.content_length or 0) > max_bytes:
        raise too_large(max_bytes)
    content: StreamReader = request.content
    is_gzip = request.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip")
    inflater = zlib.decompressobj(wbits=31) if is_gzip else None
    total = 0
    async for chunk in content.iter_any():
        pieces = _inflated(inflater, chunk, max_bytes) if inflater else [chunk]
        for piece in pieces:
            total += len(piece)
            if total > max_bytes:
                raise too_large(max_bytes)
            yield piece
    if inflater is not None and total and not inflater.eof:
        raise illegal_argument("the gzip body ends before its stream does")


def _inflated(inflater: Any, chunk: bytes, max_bytes: int) -> list[bytes]:
    pieces: list[bytes] = []
    try:
        while chunk and sum(map(len, pieces)) <= max_bytes:
            pieces.append(inflater.decompress(chunk, 1 << 20))
            chunk = inflater.unconsumed_tail
    except zlib.error as error:
        raise illegal_argument(
            f"the body is not the gzip stream that its Content-Encoding announces: {error}"
        ) from error
    return pieces


def too_large(max_bytes: int) -> MlError:
    return PlainError(
        f"the body exceeds the limit of [{max_bytes}] bytes, send it in smaller parts or raise [server.max_content_length]",
        413,
    )


def _check_content_type(request: web.Request, *, has_body: bool) -> str:
    content_type = request.headers.get("Content-Type", "")
    media = content_type.split(";")[0].strip().lower()
    if has_body and media.removeprefix("application/") not in _BODY_TYPES:
        raise PlainError(f"Content-Type header [{content_type}] is not supported", 406)
    return media


def _with_body(call: Call, raw: bytes, schemas: Schemas, request: web.Request, *, ml_body: str) -> Call:
    section = schemas.section(call.operation.name, "body")
    if not raw.strip():
        if section.required:
            raise parse_error("request body is required")
        return call
    if ml_body == "none":
        raise illegal_argument(f"request [{call.method} {call.uri}] does not support having a body")
    media = _check_content_type(request, has_body=request.body_exists)
    text = BodyText(_yaml_to_json(raw) if media.endswith("yaml") else raw)
    faults = list(section.faults(text.value))
    if faults:
        raise _first(section, text, faults)
    call = replace(call, text=text, section=section)
    return replace(call, body=_renamed(call, section, section.coerce(text.value)))


def _yaml_to_json(raw: bytes) -> bytes:
    try:
        return orjson.dumps(yaml.safe_load(raw))
    except (yaml.YAMLError, TypeError) as error:
        raise x_content_parse(f"[1:1] the body is not YAML: {' '.join(str(error).split())}") from error


def _first(section: Section, text: BodyText, faults: Sequence[Fault]) -> MlError:
    """The fault that a parser reading from left to right meets first."""
    return _wrapped(section, text, min(faults, key=lambda fault: text.offset(fault.path, fault.at)))


def _wrapped(section: Section, text: BodyText, fault: Fault) -> MlError:
    """The fault under one "failed to parse field" per object around it; all name the place where parsing stopped."""
    line, column = text.position(fault.path, fault.at)
    error = fault.error
    if not fault.wrapped:
        error = MlError(error.type, f"[{line}:{column}] {error.reason}", error.status, caused_by=error.caused_by)
    parsers = section.parsers_along(fault.path)
    parser, levels = parsers[0] or section.base.removesuffix(".json"), []
    for depth, key in enumerate(fault.path):
        if isinstance(key, str):
            levels.append((parser, key))
        parser = parsers[depth + 1] or parser
    if not fault.wrapped:
        levels = levels[:-1]
    for name, key in reversed(levels):
        error = MlError(
            "x_content_parse_exception",
            f"[{line}:{column}] [{name}] failed to parse field [{key}]",
            400,
            caused_by=error,
        )
    return error


def _renamed(call: Call, section: Section, value: Any) -> Any:
    """Old names of options put under their new names, each with the warning that tells so."""
    if not isinstance(value, dict):
        return value
    properties = section.properties()
    current: dict[str, Any] = {}
    for name, part in value.items():
        successor = properties.get(name, {}).get("x-deprecated-name-of")
        if successor:
            call.warn(f"Deprecated field [{name}] used, expected [{successor}] instead")
        current[str(successor or name)] = part
    return current


def _with_query(call: Call, query: Mapping[str, str], schemas: Schemas) -> Call:
    section = schemas.section(call.operation.name, "query")
    properties = section.properties()
    readable = list(properties)
    if call.text is not None and "x-with-body" in section.schema:
        readable = list(section.schema["x-with-body"])
    given = {name: value for name, value in query.items() if name not in ALWAYS_ALLOWED}
    known = {name: value for name, value in given.items() if name in readable}
    for fault in section.faults(known):
        raise _query_error(fault, properties)
    unknown = [name for name in given if name not in readable]
    if unknown:
        raise unrecognized_parameters(call.uri, unknown, readable)
    return replace(call, query=_renamed(call, section, section.coerce(known)))


def _query_error(fault: Fault, properties: Mapping[str, Mapping[str, Any]]) -> MlError:
    name = str(fault.path[-1]) if fault.path else ""
    kind = properties.get(name, {}).get("x-coerce")
    if kind == "integer" and fault.error.type == "number_format_exception":
        text = fault.error.reason.removeprefix('For input string: "').removesuffix('"')
        return illegal_argument(f"Failed to parse int parameter [{name}] with value [{text}]")
    return fault.error


def _with_path(call: Call, schemas: Schemas) -> Call:
    section = schemas.section(call.operation.name, "path")
    for fault in section.faults(dict(call.path)):
        raise fault.error
    return replace(call, path=section.coerce(dict(call.path)))
