"""The facts on which reading job files rests, from the JSON that the page reads as well: keys, placeholders, notes.

What is done with them is in planning.py, and for the page in ui/job-plan.js.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from proxy.resources import PACKAGE_DIR

# The page is sent what lies here.
FOLDER = PACKAGE_DIR / "ui" / "transfer"


@dataclass(frozen=True, slots=True)
class NoteKind:
    """``text`` has values in braces; what has a note that ``blocks`` is not made."""

    blocks: bool
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Keys that the API takes, keys that only servers write, and what can be said of an item."""

    job_keys: frozenset[str]
    job_written_by_servers: frozenset[str]
    datafeed_keys: frozenset[str]
    datafeed_written_by_servers: frozenset[str]
    index_placeholders: tuple[str, ...]
    id_pattern: re.Pattern[str]
    id_length: int
    notes: dict[str, NoteKind]
    ready_made: tuple[str, ...]


@cache
def facts() -> Facts:
    read: dict[str, Any] = json.loads((FOLDER / "facts.json").read_bytes())
    sets = ("job_keys", "job_written_by_servers", "datafeed_keys", "datafeed_written_by_servers")
    return Facts(
        **{name: frozenset(read[name]) for name in sets},
        index_placeholders=tuple(read["index_placeholders"]),
        id_pattern=re.compile(read["id_pattern"]),
        id_length=read["id_length"],
        notes={kind: NoteKind(**note) for kind, note in read["notes"].items()},
        ready_made=tuple(read["ready_made"]),
    )
