"""Which places are drained, as the next process that leads finds it; moving their jobs is tested in ``place``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from proxy.config import Config
from proxy.runtime.core import Core
from proxy.runtime.draining import Draining
from proxy.runtime.place.places import Places
from proxy.runtime.place.worker import LocalPlace
from proxy.runtime.running import Running
from proxy.store import Store
from tests.store.conftest import names

__all__ = ["names"]
Started = Callable[..., Draining]


@pytest.fixture
async def started(loop: object, config: Config, names: object) -> AsyncIterator[Started]:
    """What a process that begins to lead has of some places; none of them holds a job."""
    made: list[Core] = []

    def start(*place_names: str) -> Draining:
        own = replace(config, indices=names.indices)
        store = Store(own)
        places = Places({name: LocalPlace(store) for name in place_names})
        made.append(Core.of(store, own, lambda: 0, places))
        return Draining(made[-1], Running(made[-1]), places)

    yield start
    for core in made:
        await core.tasks.stop()
        await core.place.close()
        await core.store.close()


def drained(draining: Draining) -> list[str]:
    return [report.name for report in draining.reports() if report.is_draining]


async def test_a_place_stays_drained_until_it_is_resumed_whoever_leads(started: Started) -> None:
    first = started("a", "b", "c")
    await first.load()
    assert drained(first) == []
    await first.drain("a")
    await first.drain("b")
    await first.resume("b")
    second = started("a", "b")
    await second.load()
    assert drained(second) == ["a"]
    # One that has no other place uses the one it has, and forgets nothing.
    third = started("a")
    await third.load()
    assert drained(third) == []
    await second.resume("a")
    fourth = started("a", "b")
    await fourth.load()
    assert drained(fourth) == []


async def test_processes_of_another_machine_are_others(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    here = started("a", "b")
    await here.drain("a")
    monkeypatch.setattr("proxy.runtime.draining.machine_name", lambda: "elsewhere")
    there = started("a", "b")
    await there.load()
    assert drained(there) == []
    await there.drain("b")
    monkeypatch.undo()
    again = started("a", "b")
    await again.load()
    assert drained(again) == ["a"]
