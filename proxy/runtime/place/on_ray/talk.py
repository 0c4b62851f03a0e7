"""What is said to one actor, from its start to its loss, and heard from it. Its counterpart is ``actor``.

Messages are those of ``wire``. Whatever is to be said while something is on its way goes together with the next call,
and so does what is heard: the busier the actors, the fewer calls for each message.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import ray

from proxy.runtime.place.commands import Command
from proxy.runtime.place.contract import Hear, PlaceLost
from proxy.runtime.place.on_ray.cluster import Handle
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import Alive, Answer, Called, Failure, Request, Step, Traffic, packed
from proxy.store.calls import OnCall
from proxy.store.client import opaque_id

_log = logging.getLogger(__name__)
# Ray copies larger ones into its store, which would hold up the loop.
_LARGE_BYTES = 256 << 10


@dataclass(slots=True)
class _Call:
    hear: Hear
    answer: asyncio.Future[Summary]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of what an actor asks of the cluster, and of what is said to it and by it."""

    on_call: OnCall
    traffic: Traffic


class Talk:
    """With an actor that has begun. Once it ``is_lost``, nothing more is said or heard."""

    def __init__(
        self,
        actor: Handle,
        number: int,
        timeout_s: float,
        listeners: Listeners,
        lost: Callable[[Exception], Awaitable[None]],
    ) -> None:
        """``number`` is the one that the actor has begun with.

        ``lost`` is told why the actor is: TimeoutError where there was no sign of it for the timeout.
        """
        self._actor = actor
        self._number = number
        self._timeout_s = timeout_s
        self._listeners = listeners
        self._lost = lost
        self.is_lost = False
        self.alive = Alive(0, 0.0)
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count()
        self._waiting: list[bytes] = []
        self._has_waiting = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._until_lost(self._say), name="say to a Ray actor"),
            asyncio.create_task(self._until_lost(self._hear), name="hear from a Ray actor"),
        ]

    async def call(self, job_id: str, command: Command, hear: Hear) -> Summary:
        """See ``contract.Place``."""
        number = next(self._numbers)
        request = Request(number, job_id, command, opaque_id.get())
        data = packed(request)
        self._listeners.traffic.count("sent", request, len(data))
        answer: asyncio.Future[Summary] = asyncio.get_running_loop().create_future()
        self._calls[number] = _Call(hear, answer)
        self._waiting.append(data)
        self._has_waiting.set()
        try:
            return await answer
        finally:
            self._calls.pop(number, None)

    async def _say(self) -> None:
        await self._has_waiting.wait()
        self._has_waiting.clear()
        requests, self._waiting = self._waiting, []
        if sum(map(len, requests)) > _LARGE_BYTES:
            await (await asyncio.to_thread(self._actor.take.remote, self._number, requests))
        else:
            await self._actor.take.remote(self._number, requests)

    async def _hear(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            said: Sequence[bytes] = await self._actor.listen.remote(self._number)
        for data in said:
            message = pickle.loads(data)
            self._listeners.traffic.count("received", message, len(data))
            self._take(message)

    def _take(self, message: object) -> None:
        match message:
            case Alive():
                self.alive = message
            case Called(calls):
                for call in calls:
                    self._listeners.on_call(call)
            case Step(number, summary):
                if number in self._calls:
                    self._calls[number].hear(summary)
            case Answer(number, summary):
                if (call_ := self._calls.get(number)) is not None and not call_.answer.done():
                    call_.answer.set_result(summary)
            case Failure(number, error):
                if (call_ := self._calls.get(number)) is not None and not call_.answer.done():
                    call_.answer.set_exception(error)

    async def _until_lost(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            while True:
                await step()
        except (TimeoutError, ray.exceptions.RayError) as error:
            await self._lose(error)

    async def _lose(self, error: Exception) -> None:
        if self.is_lost:
            return
        sign = f"there was no sign of it for [{self._timeout_s:g}s]" if isinstance(error, TimeoutError) else str(error)
        _log.warning("a Ray actor that held models is lost: %s", sign)
        self._fail_calls()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await self._lost(error)

    def _fail_calls(self) -> None:
        self.is_lost = True
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(PlaceLost("the Ray actor that held the model is gone"))

    async def close(self) -> None:
        """Ends the talk; who still waits is told that the place is lost."""
        self._fail_calls()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
