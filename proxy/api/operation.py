"""What an operation is, and finding the one that a request means. The table itself is in ``routes``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from proxy.errors import PlainError, illegal_argument

if TYPE_CHECKING:
    from proxy.api.call import Call, Reply
    from proxy.api.services import Services

Handler = Callable[["Call", "Services"], Awaitable["Reply | dict[str, object] | list[object]"]]
OWN_PREFIXES = ("/_ml", "/_xpack/ml", "/_cat/ml")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: its schema file bears its name.

    ``routes`` are "METHOD /path/{part}" texts. ``privilege`` is the cluster privilege that a caller needs.
    ``legacy_paths`` says whether the paths under ``/_ml`` are also served under ``/_xpack/ml``.
    ``deprecation`` is a warning that every answer carries.
    """

    name: str
    privilege: Literal["monitor_ml", "manage_ml"]
    handler: Handler
    routes: tuple[str, ...]
    body: Literal["none", "json", "stream"] = "none"
    legacy_paths: bool = True
    deprecation: str | None = None
    action: str | None = None


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
        for segment in template.strip("/").split("/"):
            node = node.setdefault("{}" if segment.startswith("{") else segment, {})
        node.setdefault("methods", {})[method] = (operation, template)

    def match(self, method: str, raw_path: str) -> Match:
        """The operation of a request, found on the raw path as Elasticsearch does, decoded once.

        Raises:
            MlError: 400 for a path that no operation has, 405 for one that lacks this method.
        """
        segments = [segment for segment in raw_path.split("/") if segment]
        found = [methods for methods in _leaves(self._root, segments, 0)]
        allowed = sorted({name for methods in found for name in methods})
        for methods in found:
            if method in methods:
                operation, template = methods[method]
                return Match(operation, template, _parts(template, segments))
        if not allowed:
            raise PlainError(f"no handler found for uri [{raw_path}] and method [{method}]", 400, says_status=False)
        listed = ", ".join(allowed)
        raise PlainError(
            f"Incorrect HTTP method for uri [{raw_path}] and method [{method}], allowed: [{listed}]",
            405,
            headers={"Allow": ",".join(allowed)},
        )


def _leaves(node: Mapping[str, object], segments: list[str], depth: int) -> Iterator[Mapping[str, object]]:
    if depth == len(segments):
        if "methods" in node:
            yield node["methods"]
        return
    segment = segments[depth]
    if segment in node and segment != "methods":
        yield from _leaves(node[segment], segments, depth + 1)
    if "{}" in node:
        yield from _leaves(node["{}"], segments, depth + 1)


def _parts(template: str, segments: list[str]) -> dict[str, str]:
    pairs = zip(template.strip("/").split("/"), segments, strict=True)
    return {name[1:-1]: _decode(raw) for name, raw in pairs if name.startswith("{")}


def _decode(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise illegal_argument(f"invalid percent-encoding in path segment [{raw}]") from error
