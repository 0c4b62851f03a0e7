"""What runs on a machine of a Ray cluster: a place in a child process, behind an actor. Its counterpart is ``talk``.

The actor computes nothing itself. So it always answers, a model that hangs or dies is told from a machine that is gone,
and who was computing is known here, where nothing has to travel first. Ray ends the actor with the process that wanted
it, and the child ends with the actor.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Coroutine
from typing import NamedTuple

from proxy import __version__
from proxy.runtime.place.child import memory_bytes
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import Alive, Answer, Called, Failure, Request, Start, Step, packed, portable
from proxy.store.calls import ClusterCall
from proxy.store.client import opaque_id

# Signs of life per time that the other side waits for one.
_SIGNS = 4


class WrongVersion(Exception):
    """The machine has another Lanewatch than the process that wants to use it."""


class Located(NamedTuple):
    """Where an actor runs."""

    host: str


class PlaceActor:
    """One place; its methods are called by one ``talk`` after the other, each with a higher number.

    Ray may bring calls late and in another order: what is said in a former talk is not meant any more.
    """

    def __init__(self) -> None:
        self._talk = -1
        self._said: list[bytes] = []
        self._has_said = asyncio.Event()
        self._calls: list[ClusterCall] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._place: ProcessPlace | None = None

    async def begin(self, talk: int, version: str, start: bytes) -> Located:
        """Begins anew, without jobs. ``start`` is a packed ``Start``: settings are kept nowhere but in this process.

        Raises:
            WrongVersion: commands of that version would not be understood here.
        """
        host = socket.gethostname()
        if version != __version__:
            raise WrongVersion(f"the machine [{host}] has Lanewatch [{__version__}], install [{version}] there as well")
        if talk <= self._talk:
            return Located(host)
        settings: Start = pickle.loads(start)
        self._talk = talk
        for task in self._tasks:
            task.cancel()
        if self._place is not None:
            await self._place.close()
        self._said.clear()
        self._place = place = ProcessPlace(settings.config, self._calls.append, term=settings.term)
        self._spawn(self._show_life(place, settings.config.runtime.step_timeout / _SIGNS))
        return Located(host)

    async def take(self, talk: int, requests: list[bytes]) -> None:
        """Takes packed ``Request``s; what comes of them is listened for."""
        if talk == self._talk:
            for data in requests:
                self._spawn(self._perform(pickle.loads(data)))

    async def listen(self, talk: int) -> list[bytes]:
        """What there is to be told since the last time, packed; waits until there is something."""
        await self._has_said.wait()
        if talk != self._talk:
            return []
        self._has_said.clear()
        said, self._said = self._said, []
        return said

    async def _perform(self, request: Request) -> None:
        assert self._place is not None, "begun before it is asked for anything"
        opaque_id.set(request.opaque_id)

        def hear(summary: Summary) -> None:
            self._say(Step(request.number, summary))

        try:
            summary = await self._place.call(request.job_id, request.command, hear)
        except Exception as error:
            self._say(Failure(request.number, portable(error)))
        else:
            self._say(Answer(request.number, summary))

    async def _show_life(self, place: ProcessPlace, every_s: float) -> None:
        while True:
            vitals = place.vitals()
            self._say(Alive(memory_bytes() + vitals.memory_bytes, vitals.load))
            await asyncio.sleep(every_s)

    def _say(self, message: object) -> None:
        if self._calls:
            self._said.append(packed(Called(self._calls.copy())))
            self._calls.clear()
        self._said.append(packed(message))
        self._has_said.set()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
