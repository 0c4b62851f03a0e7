"""What an operation is, and finding the one that a request means. The table itself is in ``routes``."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from proxy.api.call import Call, Reply, Target
from proxy.api.render import Prepared
from proxy.api.request_head import check_escapes
from proxy.api.services import Services
from proxy.errors import PlainError, illegal_argument

Methods = dict[str, "tuple[Operation, str]"]
Answer = Reply | Prepared | Mapping[str, Any] | list[Any]
_METHODS = ("GET", "POST", "PUT", "DELETE")
_KNOWN_METHODS = (*_METHODS, "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT")


class Handler(Protocol):
    """A function named as its operation."""

    __name__: str

    def __call__(self, call: Call, services: Services) -> Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: its schema file bears its name.

    ``routes`` are "METHOD /path/{part}" texts. ``streams_body``: the handler reads the body itself, piece by piece.
    ``legacy``: the paths under ``/_ml`` are also served under ``/_xpack/ml``.
    ``deprecation`` is a warning that every answer carries.
    Writes are refused while the cluster is upgraded, unless they are ``allowed_while_upgrading``.
    ``by_any`` proxy can answer what needs the cluster alone; only the leader knows the rest.
    """

    name: str
    handler: Handler
    routes: tuple[str, ...]
    streams_body: bool = False
    legacy: bool = True
    deprecation: str | None = None
    allowed_while_upgrading: bool = False
    by_any: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """An operation, the path template that led to it, and the decoded parts of the path."""

    operation: Operation
    template: str
    parts: Mapping[str, str]

    @property
    def target(self) -> Target:
        return Target(self.operation.name, self.template, self.parts, self.operation.streams_body)


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths: the next segments, what stands for any segment, and who answers here."""

    segments: dict[str, _Node] = field(default_factory=dict)
    placeholder: _Node | None = None
    methods: Methods = field(default_factory=dict)


class Router:
    """Paths to operations, with Elasticsearch's precedence: a literal segment beats a placeholder, per method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            for route in operation.routes:
                method, template = route.split(" ")
                self._add(method, template, operation)
                if operation.legacy and template.startswith("/_ml/"):
                    self._add(method, "/_xpack/ml" + template.removeprefix("/_ml"), operation)

    def _add(self, method: str, template: str, operation: Operation) -> None:
        node = self._root
        for segment in _segments(template):
            if segment.startswith("{"):
                node.placeholder = node.placeholder or _Node()
                node = node.placeholder
            else:
                node = node.segments.setdefault(segment, _Node())
        node.methods[method] = (operation, template)

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


def _leaves(node: _Node, segments: list[str], depth: int) -> Iterator[Methods]:
    if depth == len(segments):
        if node.methods:
            yield node.methods
        return
    segment = segments[depth]
    if segment in node.segments:
        yield from _leaves(node.segments[segment], segments, depth + 1)
    if node.placeholder is not None and segment:
        yield from _leaves(node.placeholder, segments, depth + 1)


def _parts(template: str, segments: list[str]) -> dict[str, str]:
    pairs = zip(_segments(template), segments, strict=True)
    return {name[1:-1]: _decode(raw) for name, raw in pairs if name.startswith("{")}


def _decode(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise illegal_argument(f"invalid percent-encoding in path segment [{raw}]") from error
