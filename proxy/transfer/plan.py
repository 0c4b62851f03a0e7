"""What an import would make: jobs with datafeeds, filters and calendars, and what is to be said of each. Values only.

Made by planning.py, completed with what the cluster has by surroundings.py, turned into requests by steps.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.transfer.facts import facts

# A configuration as JSON: its values are the user's and of any kind.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user of an import wants otherwise than the files have it.

    ``index`` and ``query`` replace those of every datafeed, ``prefix`` goes before every job's name.
    """

    prefix: str = ""
    index: str | None = None
    query: Document | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """``about`` is job, datafeed, filter or calendar; an item with a note that ``blocks`` is not made."""

    about: str
    blocks: bool
    text: str


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """``datafeed`` has its id and the job's; rules need the ``filters``; it belongs to the ``calendars``."""

    job_id: str
    job: Document
    datafeed: Document | None
    filters: tuple[str, ...]
    calendars: tuple[str, ...]
    notes: tuple[Note, ...]

    def is_blocked(self, about: str = "job") -> bool:
        """A datafeed is not made without its job."""
        return any(note.blocks and note.about in ("job", about) for note in self.notes)


@dataclass(frozen=True, slots=True)
class Planned:
    """A filter or a calendar as the API takes it. Of one that exists, nothing is made but what steps.py says."""

    name: str
    body: Document
    exists: bool = False
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """``skipped`` are sentences about what in the files is none of these."""

    jobs: tuple[PlannedJob, ...]
    filters: tuple[Planned, ...]
    calendars: tuple[Planned, ...]
    skipped: tuple[str, ...]

    def blocked(self) -> list[str]:
        """What will not be made, for instance ``datafeed [datafeed-a]``."""
        found = []
        for each in self.jobs:
            if each.is_blocked():
                found.append(f"job [{each.job_id}]")
            if each.datafeed and each.is_blocked("datafeed"):
                found.append(f"datafeed [{each.datafeed['datafeed_id']}]")
        return found


def note(about: str, kind: str, **values: str) -> Note:
    """The note of this kind about an item, its text filled in."""
    known = facts().notes[kind]
    return Note(about, known.blocks, known.text.format(**values))
