"""Whether what was journalled is to blame for the death of a process: once may be chance, twice is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import PlaceLost
from proxy.runtime.place.summary import Summary

JOB_ID, ENTRY = "unlucky", 3


class DyingPlace:
    """Dies so many times while it does the entry again."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths

    async def call(self, *_: object) -> Summary:
        if self.deaths == 0:
            return Summary()
        self.deaths -= 1
        raise PlaceLost("the process that computed the model has died", JOB_ID, ENTRY)


class Journal:
    def __init__(self) -> None:
        self.set_asides: list[tuple[str, int]] = []

    async def set_aside(self, job_id: str, entry: int) -> None:
        self.set_asides.append((job_id, entry))


def live_job(deaths: int) -> tuple[LiveJob, Journal]:
    inputs: Any = SimpleNamespace(job_id=JOB_ID, configuration={})
    journal: Any = Journal()
    place: Any = DyingPlace(deaths)
    task: Any = SimpleNamespace(opened_at=0)
    return LiveJob(place, journal, lambda: 1, task, inputs, persisted_at=1), journal


async def test_a_process_that_is_killed_while_a_job_opens_costs_no_acknowledged_record() -> None:
    job, journal = live_job(deaths=1)
    await job.load()
    assert journal.set_asides == []


async def test_what_a_process_dies_of_twice_is_set_aside() -> None:
    job, journal = live_job(deaths=9)
    with pytest.raises(PlaceLost):
        await job.load()
    assert journal.set_asides == [(JOB_ID, ENTRY)]
