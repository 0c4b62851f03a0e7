"""Jobs of a server as files: in Kibana's form, and the calendars and filters of them, which Kibana leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.transfer.plan import Document
from proxy.transfer.planning import filters_of
from proxy.transfer.server import Server

_ALL_JOBS = "_all"
_WRITTEN_BY_SERVERS = ("event_id", "calendar_id")


@dataclass(frozen=True, slots=True)
class Exported:
    """``entries`` are ``{"job", "datafeed"}`` each, the rest what belongs to them: names alone unless asked in full."""

    entries: list[Document]
    filters: list[Document]
    calendars: list[Document]

    def jobs_text(self) -> str:
        """One entry as an object, several as an array."""
        return _text(self.entries[0] if len(self.entries) == 1 else self.entries)

    def beside_text(self) -> str:
        return _text({"filters": self.filters, "calendars": self.calendars})


def exported(server: Server, expressions: Sequence[str], *, in_full: bool) -> Exported:
    """The jobs of these ids, groups and wildcards, all if there are none.

    ``in_full`` takes filters, which only those may read who may change jobs, and the events of calendars.

    Raises:
        Refused: if one matches no job, or what is asked may not be read
    """
    jobs = server.jobs(",".join(expressions) or _ALL_JOBS)
    feeds = {str(each["job_id"]): each for each in server.datafeeds()}
    needed = sorted({name for job in jobs for name in filters_of(job)})
    calendars = [each for each in server.calendars() if _concerns(each, jobs)]
    return Exported(
        entries=[_entry(job, feeds.get(str(job["job_id"]))) for job in jobs],
        filters=_filters(needed, server) if in_full else [{"filter_id": name} for name in needed],
        calendars=[_with_events(each, server) for each in calendars] if in_full else calendars,
    )


def beside(path: Path) -> Path:
    """Where the calendars and filters of a file of jobs are written."""
    return path.with_name(f"{path.stem}.calendars-and-filters.json")


def _entry(job: Document, datafeed: Document | None) -> Document:
    kept = {key: value for key, value in job.items() if key != "datafeed_config"}
    settings = kept.get("custom_settings")
    if isinstance(settings, dict) and "managed" in settings:
        # A copy is not managed by the program that manages the original.
        kept["custom_settings"] = {key: value for key, value in settings.items() if key != "managed"}
        if not kept["custom_settings"]:
            del kept["custom_settings"]
    return {"job": kept, **({"datafeed": datafeed} if datafeed else {})}


def _filters(needed: Sequence[str], server: Server) -> list[Document]:
    return [each for each in server.filters() if each["filter_id"] in needed] if needed else []


def _concerns(calendar: Document, jobs: Iterable[Document]) -> bool:
    names = {"_all"} | {name for job in jobs for name in (job["job_id"], *job.get("groups", ()))}
    return not names.isdisjoint(calendar["job_ids"])


def _with_events(calendar: Document, server: Server) -> Document:
    events = [
        {key: value for key, value in event.items() if key not in _WRITTEN_BY_SERVERS}
        for event in server.events(calendar["calendar_id"])
    ]
    return {**calendar, "events": events}


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
