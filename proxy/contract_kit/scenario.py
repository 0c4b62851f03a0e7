"""The scenarios as they are written: YAML files below scenarios/, each a few requests and what must come of them.

Their format is explained in scenarios/README.md. How names become a run's own is own_names.py's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from proxy.contract_kit.matching import ANYTHING
from proxy.contract_kit.own_names import with_own_names

# The loader in C, where PyYAML has it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Request:
    """At most one of ``body``, ``ndjson`` and ``text`` is there; ``to_cluster``: past the endpoint."""

    method: str
    path: str
    query: Mapping[str, object]
    headers: Mapping[str, str]
    body: Any = None
    ndjson: tuple[Any, ...] | None = None
    text: str | None = None
    to_cluster: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """``within_s`` is how long a step may be repeated until it holds; ``alone`` and ``of`` are as in Scenario."""

    number: int
    note: str
    request: Request
    status: int
    response: Any
    absent: tuple[str, ...]
    headers: Mapping[str, str]
    keys: Mapping[str, list[str]]
    within_s: float
    alone: str | None
    of: str | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """``alone`` says why it may only run where nobody else is; ``of`` names the one product that has it."""

    name: str
    title: str
    operations: tuple[str, ...]
    steps: tuple[Step, ...]
    alone: str | None
    of: str | None

    def is_named(self, patterns: list[str]) -> bool:
        """By its name or an operation of it, stars allowed; no patterns name all."""
        named = (self.name, *self.operations)
        return not patterns or any(fnmatchcase(name, pattern) for name in named for pattern in patterns)


def all_names() -> list[str]:
    """Of the shipped scenarios, as `topic/file`."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.yaml"))


def written_in(file: Path) -> dict[str, Any]:
    """A scenario as its file has it."""
    written: dict[str, Any] = yaml.load(file.read_bytes(), _LOADER)
    return written


def scenario(name: str, prefix: str) -> Scenario:
    """The scenario of that name, with all that it makes named with ``prefix``."""
    written = written_in(FOLDER / f"{name}.yaml")
    named = with_own_names(written, prefix)
    operation = written["operation"]
    return Scenario(
        name=name,
        title=written["title"],
        operations=(operation,) if isinstance(operation, str) else tuple(operation),
        steps=tuple(_step(number, step, written["title"]) for number, step in enumerate(named["steps"], start=1)),
        alone=written.get("alone"),
        of=written.get("of"),
    )


def _step(number: int, written: dict[str, Any], title: str) -> Step:
    return Step(
        number=number,
        note=written.get("note", title),
        request=_request(written["request"]),
        status=written.get("status", 200),
        response=written.get("response", ANYTHING),
        absent=tuple(written.get("absent", ())),
        headers={name: str(part) for name, part in written.get("headers", {}).items()},
        keys=written.get("keys", {}),
        within_s=written.get("within_s", 0),
        alone=written.get("alone"),
        of=written.get("of"),
    )


def _request(written: dict[str, Any]) -> Request:
    rows = written.get("ndjson")
    return Request(
        method=written["method"],
        path=written["path"],
        query={
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in written.get("query", {}).items()
        },
        headers={name.lower(): str(value) for name, value in written.get("headers", {}).items()},
        body=written.get("body"),
        ndjson=None if rows is None else tuple(rows),
        text=written.get("text"),
        to_cluster=written.get("to") == "cluster",
    )
