"""What an operation is, and finding the one that a request means. The table itself is in ``routes``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from proxy.api.request_head import check_escapes
from proxy.errors import PlainError, illegal_argument

if TYPE_CHECKING:
    from proxy.api.call import Call, Reply
    from proxy.api.services import Services

Methods = Mapping[str, "tuple[Operation, str]"]
Handler = Callable[["Call", "Services"], Awaitable["Reply | dict[str, object] | list[object]"]]
_METHODS = ("GET", "POST", "PUT", "DELETE")
_KNOWN_METHODS = (*_METHODS, "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT")
_METHODS_KEY = "/"  # which no segment can be


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: its schema file bears its name.

    ``routes`` are "METHOD /path/{part}" texts. ``privilege`` is the cluster privilege that a caller needs.
    ``legacy_paths`` says whether the paths under ``/_ml`` are also served under ``/_xpack/ml``.
    ``deprecation`` is a warning that every answer carries. ``action`` is Elasticsearch's name of what is done.
    Writes are refused while the cluster is upgraded, unless they are ``allowed_while_upgrading``.
    """

    name: str
    privilege: Literal["monitor_ml", "manage_ml"]
    handler: Handler
    routes: tuple[str, ...]
    body: Literal["none", "json", "stream"] = "none"
    legacy_paths: bool = True
    deprecation: str | None = None
    action: str | None = None
    allowed_while_upgrading: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """An operation, the path template that led to it, and the decoded parts of the path."""

    operation: Operation
    template: str
    parts: Mapping[str, str]


class Router:
    """Paths to operations, with Elasticsearch's precedence: a literal segment beats a placeholder, per method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root: dict[str, object] = {}
        for operation in operations:
            for route in operation.routes:
                method, template = route.split(" ")
                self._add(method, template, operation)
                if operation.legacy_paths and template.startswith("/_ml/"):
                    self._add(method, "/_xpack/ml" + template.removeprefix("/_ml"), operation)

    def _add(self, method: str, template: str, operation: Operation) -> None:
        node = self._root
        for segment in _segments(template):
            node = node.setdefault("{}" if segment.startswith("{") else segment, {})
        node.setdefault(_METHODS_KEY, {})[method] = (operation, template)

    def match(self, method: str, target: str) -> Match:
        """The operation of a request, found on the raw path as Elasticsearch does, decoded once.

        Raises:
            MlError: 400 for a path that no operation has, 405 for one that lacks this method.
        """
        path = target.partition("?")[0]
        check_escapes(path)
        found = self._found(path)
        for methods in found:
            if method in methods:
                operation, template = methods[method]
                return Match(operation, template, _parts(template, _segments(path)))
        allowed = _names(found)
        if not allowed:
            raise PlainError(f"no handler found for uri [{target}] and method [{method}]", 400, says_status=False)
        told = f"Incorrect HTTP method for uri [{target}] and method [{method}]"
        if method not in _KNOWN_METHODS:
            told = f"Unexpected http method: {method}"
        raise PlainError(f"{told}, allowed: [{', '.join(allowed)}]", 405, headers={"Allow": ",".join(allowed)})

    def allowed(self, path: str) -> list[str]:
        """The methods that a path answers to."""
        return _names(self._found(path))

    def _found(self, path: str) -> list[Methods]:
        return list(_leaves(self._root, _segments(path), 0))


def _segments(path: str) -> list[str]:
    """The parts between slashes; those at the end do not count, those within make the path another one."""
    return path.rstrip("/").split("/")[1:]


def _names(found: Iterable[Methods]) -> list[str]:
    names = {name for methods in found for name in methods}
    return [name for name in _METHODS if name in names]


def _leaves(node: Mapping[str, object], segments: list[str], depth: int) -> Iterator[Methods]:
    if depth == len(segments):
        if _METHODS_KEY in node:
            yield node[_METHODS_KEY]
        return
    segment = segments[depth]
    if segment in node:
        yield from _leaves(node[segment], segments, depth + 1)
    if "{}" in node and segment:
        yield from _leaves(node["{}"], segments, depth + 1)


def _parts(template: str, segments: list[str]) -> dict[str, str]:
    pairs = zip(_segments(template), segments, strict=True)
    return {name[1:-1]: _decode(raw) for name, raw in pairs if name.startswith("{")}


def _decode(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise illegal_argument(f"invalid percent-encoding in path segment [{raw}]") from error
