"""The table of a dry run: every item, whether it would be made, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from proxy.transfer.plan import Note, Plan, Planned, PlannedJob


def print_plan(plan: Plan, console: Console) -> None:
    table = Table(title="What would be made", title_justify="left")
    for heading in ("what", "name", "", "notes"):
        table.add_column(heading, overflow="fold")
    for row in rows_of(plan):
        table.add_row(*row)
    console.print(table)
    for sentence in plan.skipped:
        console.print(f"Left out: {sentence}", markup=False, highlight=False, soft_wrap=True)


def rows_of(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    """What, its name, whether it would be made, and notes, a line each."""
    for each in plan.filters:
        yield _row_of(each, "filter")
    for each_job in plan.jobs:
        yield from _rows_of_job(each_job)
    for each in plan.calendars:
        yield _row_of(each, "calendar")


def _rows_of_job(planned: PlannedJob) -> Iterator[tuple[str, str, str, str]]:
    verdict = "no" if planned.is_blocked() else "yes"
    yield "job", planned.job_id, verdict, _lines(note for note in planned.notes if note.about == "job")
    if planned.datafeed is not None:
        verdict = "no" if planned.is_blocked("datafeed") else "yes"
        notes = [note for note in planned.notes if note.about == "datafeed"]
        yield "datafeed", str(planned.datafeed["datafeed_id"]), verdict, _lines(notes)


def _row_of(planned: Planned, kind: str) -> tuple[str, str, str, str]:
    return kind, planned.name, "exists" if planned.exists else "yes", _lines(planned.notes)


def _lines(notes: Iterator[Note] | Sequence[Note]) -> str:
    # What is in brackets would be markup to the table.
    return "\n".join(note.text for note in notes).replace("[", r"\[")
