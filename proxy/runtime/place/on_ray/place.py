"""A place on a machine of a Ray cluster: our side of one actor. What runs there is ``actor``.

Ray starts an actor that was lost again, on another machine if its own is gone. Its jobs are opened again by whoever
wants them next: here if it is back soon, else in another place.
"""

from __future__ import annotations

import asyncio

import ray

from proxy import __version__
from proxy.runtime.place.commands import Command, Discard, Open
from proxy.runtime.place.contract import Hear, JobNotLoaded, NotUp, Vitals, hear_nothing
from proxy.runtime.place.on_ray.actor import Located, WrongVersion
from proxy.runtime.place.on_ray.cluster import Handle, RayCluster
from proxy.runtime.place.on_ray.talk import Listeners, Talk
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import Start, packed

# How long the first job waits: Ray may have to start a process, which loads its libraries.
_FIRST_START_S = 60.0
# Ray starts an actor anew within two seconds where there is room; after that its jobs need not wait for it.
_RESTART_S = 10.0
# Of one that has been late: how long it is looked at, where no other place takes the job.
_LATE_S = 1.0
# How long one call of an actor that is on its way is waited for, and how many of them until its jobs go elsewhere.
_LOOK_S = 2.5
_LOOKS_UNTIL_END = 4
_MOMENT_S = 0.2


def explained(error: ray.exceptions.RayError) -> str:
    """Why an actor cannot begin, in a sentence for whoever runs the machines."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, WrongVersion):
        return str(cause)
    text = str(error).strip() or type(error).__name__
    if "ModuleNotFoundError" in text or "failed to be imported" in text:
        return f"a machine of the Ray cluster lacks Lanewatch: pip install lanewatch[ray]=={__version__} there"
    return (
        f"a Ray actor could not be started: {text.strip().splitlines()[-1] if text.strip() else type(error).__name__}"
    )


class RayPlace:
    """Keeps its jobs with one actor, asked for with the first job that is opened."""

    def __init__(self, start: Start, cluster: RayCluster, listeners: Listeners) -> None:
        self._start = start
        self._cluster = cluster
        self._listeners = listeners
        self._actor: Handle | None = None
        self._talk: Talk | None = None
        self._host = ""
        self._starts = 0
        self._number = 0
        self._coming: asyncio.Task[Talk] | None = None
        self._is_late = False

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        talk = self._talk
        if talk is None or talk.is_lost:
            # Whatever else is asked for would not find its job in a new actor.
            if isinstance(command, Discard):
                return Summary()
            if not isinstance(command, Open):
                raise JobNotLoaded(f"the Ray actor that held the model of job [{job_id}] is gone")
            talk = await self._up()
        return await talk.call(job_id, command, hear)

    async def _up(self) -> Talk:
        """
        Raises:
            NotUp: there is no actor yet; it is waited for in the background.
        """
        coming = self._come()
        patience_s = _LATE_S if self._is_late else _RESTART_S if self._starts else _FIRST_START_S
        try:
            return await asyncio.wait_for(asyncio.shield(coming), patience_s)
        except TimeoutError as error:
            self._is_late = True
            raise NotUp("Ray has not started an actor yet: its machines may have no free core") from error
        except NotUp:
            self._is_late = True
            raise

    def _come(self) -> asyncio.Task[Talk]:
        """The actor's beginning, under way."""
        if self._coming is None or self._coming.done():
            self._coming = asyncio.create_task(self._begin(), name="wait for a Ray actor")
            # Where nobody waits any more, the next one will be told.
            self._coming.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._coming

    async def _begin(self) -> Talk:
        await self._cluster.connect(self)
        self._host = (await self._begun()).host
        timeout_s = self._start.config.runtime.step_timeout
        self._talk = Talk(self._actor, self._number, timeout_s, self._listeners, self._lost)
        self._is_late = False
        self._starts += 1
        return self._talk

    async def _lost(self, error: Exception) -> None:
        """Has Ray start an actor anew that is lost; one that beginning anew does not reach must not write on."""
        if isinstance(error, TimeoutError):
            await self._cluster.end(self._actor, restarts=True)
        self._come()

    async def _begun(self) -> Located:
        data, looks = packed(self._start), 0
        while True:
            if self._actor is None:
                self._actor = self._cluster.actor()
            elif looks == _LOOKS_UNTIL_END and self._starts:
                await self._cluster.end(self._actor, restarts=True)
            looks += 1
            try:
                self._number += 1
                self._listeners.traffic.count("sent", self._start, len(data))
                beginning = self._actor.begin.remote(self._number, __version__, data)
                located: Located = await asyncio.wait_for(beginning, _LOOK_S)
                return located
            except (TimeoutError, ray.exceptions.ActorUnavailableError):
                # It is on its way, or is being started anew.
                await asyncio.sleep(_MOMENT_S)
            except ray.exceptions.RayError as error:
                await self._cluster.end(self._actor, restarts=False)
                self._actor = None
                raise NotUp(explained(error)) from error

    async def close(self) -> None:
        """Ends the actor; another one is asked for with the next job."""
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)
        if self._talk is not None:
            await self._talk.close()
        if self._actor is not None:
            await self._cluster.end(self._actor, restarts=False)
        self._actor = self._talk = self._coming = None
        await self._cluster.leave(self)

    def vitals(self) -> Vitals:
        if self._talk is None or self._talk.is_lost:
            return Vitals(starts=self._starts, is_up=not self._is_late)
        alive = self._talk.alive
        return Vitals(1, self._starts, alive.memory_bytes, alive.load, self._host)
