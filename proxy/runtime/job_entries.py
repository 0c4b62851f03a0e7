"""The jobs that are not closed here: one dictionary with an entry each. What their states mean is in ``job_states``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from proxy.runtime.capacity import Kept, Ledger, Need
from proxy.runtime.job_states import AFTER_RESTART, Life, State
from proxy.runtime.live_job import LiveJob
from proxy.store.job_tasks import JobTask

# What needs room: models that are here or on their way.
_TAKES_ROOM: frozenset[State] = frozenset({"opening", "opened", "closing"})


@dataclass(slots=True)
class Entry:
    """One job.

    ``task`` is its stored claim, ``live`` the model that runs for it; ``reached`` is set once a restart has taken it
    up, None where no restart has to; ``memory_limit`` is what its model may take, in bytes.
    """

    life: Life
    task: JobTask | None = None
    live: LiveJob | None = None
    reached: asyncio.Event | None = None
    memory_limit: int = 0

    @property
    def job_id(self) -> str:
        return self.life.job_id

    @property
    def state(self) -> State:
        return self.life.state


class Entries:
    """All entries by job id; a job without one is closed."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, Entry] = {}
        self._ledger = Ledger()

    def get(self, job_id: str) -> Entry | None:
        return self._entries.get(job_id)

    def state(self, job_id: str) -> State:
        entry = self._entries.get(job_id)
        return "closed" if entry is None else entry.state

    def live(self, job_id: str) -> LiveJob | None:
        """The job's model where it is open."""
        entry = self._entries.get(job_id)
        return None if entry is None else entry.live

    def lives(self) -> list[LiveJob]:
        """The models of all open jobs, as they are now."""
        return [entry.live for entry in self._entries.values() if entry.live is not None]

    def ids(self) -> list[str]:
        return sorted(self._entries)

    def waiting(self) -> list[Entry]:
        """Those that wait for room, in the order of their asking."""
        return list(self._waiting.values())

    def wait(self, job_id: str, task: JobTask, memory_limit: int) -> None:
        """Lets a job wait for room."""
        entry = self.move(job_id, "waiting", "there is no room")
        entry.task, entry.memory_limit = task, memory_limit

    def limit(self, job_id: str, memory_limit: int) -> None:
        """Notes what the model of a job that opens may take."""
        self._entries[job_id].memory_limit = memory_limit
        self.weigh(job_id)

    def weigh(self, job_id: str) -> None:
        """To be called when the model of a job may have become larger or smaller."""
        entry = self._entries.get(job_id)
        need = None
        if entry is not None and entry.state in _TAKES_ROOM:
            need = Need(entry.memory_limit, _model_bytes(entry.live))
        self._ledger.enter(job_id, need)

    def kept(self, *, beside: str) -> Kept:
        """What the jobs take, but for one, whose models are here or on their way."""
        return self._ledger.beside(beside)

    def adopt(self, task: JobTask) -> Entry:
        """The entry of a job that a former process had open, as its stored task tells."""
        life = Life(task.job_id, AFTER_RESTART[task.state])
        entry = self._entries[task.job_id] = Entry(life, task, reached=asyncio.Event())
        self.weigh(task.job_id)
        return entry

    def move(self, job_id: str, to: State, why: str) -> Entry:
        """The job's entry in its next state; whoever closes gives up the entry.

        Raises:
            IllegalTransition: where its state does not lead there.
        """
        entry = self._entries.get(job_id) or Entry(Life(job_id))
        entry.life.move(to, self._clock(), why)
        if to == "closed":
            entry.live = None
            self._entries.pop(job_id, None)
        else:
            self._entries[job_id] = entry
        if to == "waiting":
            self._waiting[job_id] = entry
        else:
            self._waiting.pop(job_id, None)
        self.weigh(job_id)
        return entry


def _model_bytes(live: LiveJob | None) -> int:
    status = None if live is None else live.status
    return 0 if status is None else int(status.model_size.get("model_bytes", 0))


class OpenJobs(Mapping[str, LiveJob]):
    """A view of the models that run here."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def __getitem__(self, job_id: str) -> LiveJob:
        live = self._entries.live(job_id)
        if live is None:
            raise KeyError(job_id)
        return live

    def __iter__(self) -> Iterator[str]:
        return iter([live.job_id for live in self._entries.lives()])

    def __len__(self) -> int:
        return len(self._entries.lives())
