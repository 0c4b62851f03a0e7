"""One request as a handler sees it: path, query and body, checked against the operation's schema.

Reading and checking live here; what an operation does with them lives in ``handlers``. Counterpart: ``render``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar, cast

from aiohttp import web
from multidict import CIMultiDict

from proxy.api.body_stream import Limits, read_all, read_body
from proxy.api.media_types import Format, MediaType, media_type
from proxy.api.other_forms import as_json, as_json_lines
from proxy.api.render import FORMATS, boolean
from proxy.api.request_head import identity_of
from proxy.body_text import At, BodyText
from proxy.errors import (
    Headers,
    MlError,
    PlainError,
    illegal_argument,
    parse_error,
    unrecognized_parameters,
)
from proxy.schemas import Fault, Schema, Schemas, Section
from proxy.units import parse_duration_ms

T = TypeVar("T")
_CONTENT_TYPE = "Content-Type"
# Reading this much, or what is no JSON, takes milliseconds that the event loop cannot spare; a usual job is a tenth.
LARGE_BODY_BYTES = 32 * 1024
# Threads of their own: large bodies wait for each other, and nothing else that is done in a thread waits for them.
_BODIES = ThreadPoolExecutor(2, thread_name_prefix="body")
# Faults are told by the first in the text; a list of a million wrong elements has as many.
_MAX_FAULTS = 1000
# Judging this many values stops everything else for 50 ms, since Python does nothing beside it; a field that nobody
# knows takes as long as five elements of a list.
_MOST_VALUES = 400_000
_VALUES_OF_A_FIELD = 5
# They must be time values also where nothing waits for them.
_TIMEOUTS = frozenset({"timeout", "master_timeout"})
_ALWAYS_ALLOWED = ("pretty", "human", "format", "filter_path", "error_trace")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with more than a 200 and a JSON body. A ``str`` body is plain text, ``bytes`` are finished JSON."""

    body: Any
    status: int = 200
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for: an operation by name, and the path template that led to it with its decoded parts."""

    operation: str
    template: str
    parts: Mapping[str, str]
    streams_body: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request. ``query`` and ``body`` hold only what was given, as real numbers, booleans and lists.

    ``is_gone`` says whether the caller has left without waiting for the answer.
    """

    operation: str
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
    idempotency_key: str | None = None
    is_gone: Callable[[], bool] = lambda: False
    content_type: str = ""
    human: bool = False
    wants_text: bool = False
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
        """``error`` as Elasticsearch's body parser reports a rule broken at ``path``; unwrapped without a body."""
        if self.text is None or self.section is None or not path:
            return error
        return _wrapped(self.section, self.text, Fault(tuple(path), at, error, True, "value"))


async def aside(call: Call, work: Callable[[], T]) -> T:
    """What ``work`` returns: it takes a time that grows with the body, so a large one is not worked on by the loop."""
    if call.text is None or len(call.text.text) < LARGE_BODY_BYTES:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_BODIES, work)


async def make_call(
    request: web.Request,
    target: Target,
    schemas: Schemas,
    query: Mapping[str, str],
    *,
    limits: Limits,
    warnings: list[str],
) -> Call:
    """Reads and checks a request; ``warnings`` collects what the answer is to warn of.

    Raises:
        MlError: the first fault in the order in which Elasticsearch looks: body, query, whether there may be a body,
            path.
    """
    call = Call(
        operation=target.operation,
        method=request.method,
        uri=request.raw_path.partition("?")[0],
        template=target.template,
        path=target.parts,
        query={},
        body=None,
        identity=identity_of(request.headers),
        human=boolean(query.get("human", "false")),
        wants_text=_wants_text(query, media_type(request.headers, "Accept")),
        idempotency_key=request.headers.get("Idempotency-Key"),
        is_gone=lambda: request.transport is None or request.transport.is_closing(),
        content_type=request.headers.get(_CONTENT_TYPE, ""),
        warnings=warnings,
    )
    content = media_type(request.headers, _CONTENT_TYPE)
    if request.body_exists:
        _check_form(content, call, is_data=target.streams_body)
    if target.streams_body:
        arriving = read_body(request, limits)
        call = replace(call, content=_lines(arriving) if _other_form(content) == "smile" else arriving)
        return _with_path(_with_query(call, query, schemas), schemas)
    raw = await read_all(request, limits)
    query = dict(query)
    reads_body = schemas.has_section(call.operation, "body")
    if reads_body:
        if not raw:
            raw, content = _take_source(query)
        with_body = partial(_with_body, raw=raw, content=content, schemas=schemas, max_depth=limits.depth)
        if len(raw) < LARGE_BODY_BYTES and _other_form(content) is None:
            call = with_body(call)
        else:
            loop = asyncio.get_running_loop()
            call = await loop.run_in_executor(_BODIES, with_body, call)
    call = _with_query(call, query, schemas)
    if raw and not reads_body:
        raise illegal_argument(f"request [{call.method} {call.uri}] does not support having a body")
    return _with_path(call, schemas)


def _check_form(content: MediaType | None, call: Call, *, is_data: bool) -> None:
    """
    Raises:
        MlError: 406 for a body that cannot be read, 500 for data in a form in which only other bodies may come.
    """
    if is_data and content is not None and _other_form(content) not in (None, "smile"):
        text = f"XContentType [{content.form.upper()}] is not supported by JsonDataToProcessWriter"
        raise MlError("runtime_exception", text, 500)
    if content is None or content.format is None:
        raise PlainError(f"Content-Type header [{call.content_type}] is not supported", 406)


def _wants_text(query: Mapping[str, str], accept: MediaType | None) -> bool:
    if "format" in query:
        return query["format"].lower() not in FORMATS
    return accept is None or accept.format is None


def has_more_values(document: object, most: int) -> bool:
    """Whether there are more values than that in a document and all below it: elements, and fields as several each."""
    containers, count = [document], 0
    while containers:
        container = containers.pop()
        if isinstance(container, (dict, list)):
            count += len(container) * (_VALUES_OF_A_FIELD if isinstance(container, dict) else 1)
            if count > most:
                return True
            within = container.values() if isinstance(container, dict) else container
            containers += [value for value in within if isinstance(value, (dict, list))]
    return False


def _with_body(call: Call, *, raw: bytes, content: MediaType | None, schemas: Schemas, max_depth: int) -> Call:
    section = schemas.section(call.operation, "body")
    if not raw.strip():
        if section.required:
            raise parse_error("request body is required")
        return call
    if (form := _other_form(content)) is not None:
        raw = as_json(raw, form)
    text = BodyText(raw, max_depth)
    is_large = len(raw) >= LARGE_BODY_BYTES
    if is_large and has_more_values(text.value, _MOST_VALUES):
        raise illegal_argument(
            f"the body has more than [{_MOST_VALUES}] values, more than any configuration needs, "
            f"each field counting as [{_VALUES_OF_A_FIELD}]"
        )
    value = section.without_dropped(text.value, on_old_path=call.template.startswith("/_xpack/"))
    found = section.faults_of_large(value) if is_large else section.faults(value)
    faults = list(islice(found, _MAX_FAULTS))
    if faults:
        raise _first(section, text, faults)
    call = replace(call, text=text, section=section)
    return replace(call, body=_renamed(call, section, section.coerce(value)))


def _other_form(content: MediaType | None) -> Format | None:
    """The form of a body that is no JSON."""
    return content.format if content is not None and content.format != "json" else None


async def _lines(arriving: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Records in SMILE, as lines of JSON; raises as ``as_json_lines`` does."""
    raw = b"".join([chunk async for chunk in arriving])
    yield await asyncio.get_running_loop().run_in_executor(_BODIES, as_json_lines, raw, "smile")


def _take_source(query: dict[str, str]) -> tuple[bytes, MediaType | None]:
    """A body that stands in the query string; its two parameters leave ``query``.

    Raises:
        MlError: validation_exception where its type is not told or not known.
    """
    if "source" not in query:
        return b"", None
    source, kind = query.pop("source"), query.pop("source_content_type", None)
    if kind is None:
        raise _invalid_source("source and source_content_type parameters are required")
    content = media_type(CIMultiDict({_CONTENT_TYPE: kind}), _CONTENT_TYPE)
    if content is None or content.format is None:
        raise _invalid_source(f"Unknown value for source_content_type [{kind}]")
    return source.encode(), content


def _invalid_source(text: str) -> MlError:
    return MlError("validation_exception", f"Validation Failed: 1: {text};", 400)


def _first(section: Section, text: BodyText, faults: Sequence[Fault]) -> MlError:
    """The fault that a parser reading from left to right meets first."""
    text.locate(fault.path for fault in faults)
    return _wrapped(section, text, min(faults, key=lambda fault: text.offset(fault.path, fault.at)))


def _wrapped(section: Section, text: BodyText, fault: Fault) -> MlError:
    """The fault under one "failed to parse field" per object around it; all name the place where parsing stopped."""
    line, column = text.position(fault.path, fault.at)
    error = fault.error
    if not fault.wrapped:
        error = MlError(error.type, f"[{line}:{column}] {error.reason}", error.status, caused_by=error.caused_by)
    parsers = section.parsers_along(fault.path)
    parser, levels = section.parser, []
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
    section = schemas.section(call.operation, "query")
    properties = section.properties()
    readable = list(properties)
    if call.text is not None and "x-with-body" in section.schema:
        readable = list(section.schema["x-with-body"])
    given = {name: value for name, value in query.items() if name not in _ALWAYS_ALLOWED}
    known = {name: _meant(value, properties[name]) for name, value in given.items() if name in readable}
    for fault in section.faults(known):
        raise _query_error(fault, properties)
    unknown = [name for name in given if name not in readable]
    if unknown:
        raise unrecognized_parameters(call.uri, unknown, [*readable, *_ALWAYS_ALLOWED, *call.path])
    for name in _TIMEOUTS.intersection(known):
        parse_duration_ms(known[name], name)
    return replace(call, query=_renamed(call, section, section.coerce(known)))


def _meant(value: str, option: Schema) -> str:
    """A flag of the query string that is given without a value is on."""
    return "true" if value == "" and option.get("x-coerce") == "boolean" else value


def _query_error(fault: Fault, properties: Mapping[str, Schema]) -> MlError:
    name = str(fault.path[-1]) if fault.path else ""
    kind = properties.get(name, {}).get("x-coerce")
    if kind == "integer" and fault.error.type == "number_format_exception":
        text = fault.error.reason.removeprefix('For input string: "').removesuffix('"')
        return illegal_argument(f"Failed to parse int parameter [{name}] with value [{text}]")
    return fault.error


def _with_path(call: Call, schemas: Schemas) -> Call:
    section = schemas.section(call.operation, "path")
    for fault in section.faults(dict(call.path)):
        raise fault.error
    return replace(call, path=cast(dict[str, Any], section.coerce(dict(call.path))))
