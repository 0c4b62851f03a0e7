"""What every kind of place promises, however far away it is: in this process, in another, on another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from proxy.errors import MlError
from proxy.runtime.place.commands import Command
from proxy.runtime.place.summary import Summary

Hear = Callable[[Summary], None]


def hear_nothing(summary: Summary) -> None:
    """For callers who only want the last summary."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """Of the processes that a place consists of: how many run, how often one was started, what they hold in memory.

    All are 0 where a place is this very process. ``load`` is the share of its recent time that it has computed, from
    0 to 1; ``host`` the machine that it is on, "" where that is ours. A place that is not ``is_up`` can be given no
    jobs now: its machine is gone, and it has not come back on another.
    """

    processes: int = 0
    starts: int = 0
    memory_bytes: int = 0
    load: float = 0.0
    host: str = ""
    is_up: bool = True


class Place(Protocol):
    """Holds jobs and performs commands on them."""

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        """Performs a command; ``hear`` gets a summary of each step on the way, the last one is returned.

        Raises:
            JobNotLoaded: the place does not hold the job, and nothing was done.
            PlaceLost: the place is gone with all its jobs; what was journalled by then is done at the next opening.
            StepTimedOut: the command gave no sign of progress, and the place was ended for it.
            Exception: whatever performing it raised.
        """
        ...

    async def close(self) -> None:
        """Ends the place at once; what its jobs have not saved is in their journals."""
        ...

    def vitals(self) -> Vitals:
        """How the place is."""
        ...


class PlaceLost(Exception):
    """The place is gone. ``blamed`` is the job that was computing, ``entry`` what it had from its journal."""

    def __init__(self, text: str, blamed: str | None = None, entry: int | None = None) -> None:
        super().__init__(text)
        self.blamed = blamed
        self.entry = entry


class NotUp(PlaceLost):
    """The place could not be given the job, which nothing was done about; another one might."""


class JobNotLoaded(PlaceLost):
    """The job is not here: it was never opened in this place, or the place was replaced since."""


class StepTimedOut(Exception):
    """A step took too long; ``entry`` is the number of the journal entry that it was about."""

    def __init__(self, text: str, entry: int | None = None) -> None:
        super().__init__(text)
        self.entry = entry


class StepFailed(Exception):
    """Stands for an error that cannot travel between processes; bears its name and text."""


def results_wait(job_id: str) -> MlError:
    """Why no data are taken while so many results wait for the cluster."""
    return MlError(
        "es_rejected_execution_exception",
        f"job [{job_id}] has results that the cluster does not take, retry when it does",
        429,
        headers={"Retry-After": "10"},
    )
