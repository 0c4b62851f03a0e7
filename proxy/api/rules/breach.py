"""A broken rule as data, and the order in which rules are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.body_text import At, Path
from proxy.errors import MlError, status_error

# A JSON object that passed its schema: its shape is known from there.
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Breach:
    """What is wrong and where: the path of the object whose reading ends in ``error``, empty for the whole body."""

    error: MlError
    path: Path = ()
    at: At = "end"

    def under(self, *path: str | int) -> Breach:
        return Breach(self.error, (*path, *self.path), self.at)


Rule = Callable[[Document], Iterator[Breach]]


def breaches(rules: Iterable[Rule], document: Document) -> Iterator[Breach]:
    """What ``document`` breaks, in the order of the rules; lazily, so that later rules may rely on earlier ones."""
    for rule in rules:
        yield from rule(document)


def check(call: Call, found: Iterable[Breach]) -> None:
    """Raises the first breach as the error of the request that brought the document."""
    for breach in found:
        raise call.body_error(breach.path, breach.error, at=breach.at)


def refused(reason: str) -> Breach:
    """The usual refusal: a status_exception with 400."""
    return Breach(status_error(reason, 400))
