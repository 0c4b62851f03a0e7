"""A place in a child process, so that modelling never delays the answering of requests. The other side is ``child``.

The child says when a step begins and ends, and that its loop turns. One that gives no sign of progress for the
``step_timeout`` is killed: its job is told so, and all its jobs are opened again by whoever wants them next.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from proxy.config import Config
from proxy.runtime.place.commands import Command, Discard, Open
from proxy.runtime.place.contract import Hear, JobNotLoaded, PlaceLost, StepTimedOut, Vitals, hear_nothing
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import (
    Alive,
    Answer,
    Begun,
    Called,
    Ended,
    Failure,
    Request,
    Start,
    Step,
    Traffic,
    receive,
    send,
)
from proxy.store.calls import OnCall, tell_nobody
from proxy.store.client import opaque_id

_log = logging.getLogger(__name__)
# Until its first sign a child loads its libraries, which on a busy machine takes longer than any step.
_START_S = 60.0
# How long a child that is no longer wanted has to end by itself.
_FAREWELL_S = 1.0
_LOOKS_PER_TIMEOUT = 4
_LOOK_EVERY_MAX_S = 1.0
# Where there is more to do than cores, the process that answers gets twice as much of one as a process of models:
# whoever waits for an answer notices milliseconds, models do not. More would starve models beside other programs.
_NICENESS = 3


class ProcessPlace:
    """Keeps its jobs in one child process, started with the first job that is opened, and so again when it has died."""

    def __init__(
        self,
        config: Config,
        on_call: OnCall = tell_nobody,
        traffic: Traffic | None = None,
        term: str | None = None,
    ) -> None:
        """``on_call`` is told of the child's requests to the cluster, ``traffic`` of what is said to it and by it.

        ``term`` is the leader's, in which the child writes.
        """
        self._start = Start(config, term)
        self._on_call = on_call
        self._traffic = traffic
        self._child: _Child | None = None
        self._starts = 0

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        if self._child is None or self._child.is_lost:
            # Whatever else is asked for would not find its job in a new process.
            if isinstance(command, Discard):
                return Summary()
            if not isinstance(command, Open):
                raise JobNotLoaded(f"the process that held the model of job [{job_id}] is gone")
            self._child = _Child(self._start, self._on_call, self._traffic)
            self._starts += 1
        return await self._child.call(job_id, command, hear)

    async def close(self) -> None:
        if self._child is not None:
            await self._child.close()

    def vitals(self) -> Vitals:
        if self._child is None or self._child.is_lost:
            return Vitals(starts=self._starts)
        return Vitals(1, self._starts, self._child.alive.memory_bytes, self._child.alive.load)


@dataclass(slots=True)
class _Call:
    job_id: str
    hear: Hear
    answer: asyncio.Future[Summary]


@dataclass(frozen=True, slots=True)
class _Computing:
    """The step that the child is at."""

    job_id: str
    entry: int | None


class _Child:
    def __init__(self, start: Start, on_call: OnCall, traffic: Traffic | None = None) -> None:
        self._on_call = on_call
        self._traffic = traffic
        self.alive = Alive(0, 0.0)
        self.is_lost = False
        self._timeout_s = start.config.runtime.step_timeout
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count()
        self._computing: _Computing | None = None
        self._has_begun = False
        self._timed_out = False
        self._is_leaving = False
        self._last_sign = asyncio.get_running_loop().time()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "proxy.runtime.place.child", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                # numpy's own threads would compete with the other processes for the same cores.
                env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ},
            )
        # Not by the child itself, which by then has loaded its libraries: the most that it ever computes at once.
        os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
        self._writer: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(start), name="model process")
        self._watching = asyncio.create_task(self._watch(), name="watch over model process")

    async def call(self, job_id: str, command: Command, hear: Hear) -> Summary:
        writer = await asyncio.shield(self._writer)
        if self.is_lost:
            raise self._loss(job_id)
        number = next(self._numbers)
        answer: asyncio.Future[Summary] = asyncio.get_running_loop().create_future()
        self._calls[number] = _Call(job_id, hear, answer)
        try:
            try:
                send(writer, Request(number, job_id, command, opaque_id.get()), self._traffic)
            except (RuntimeError, OSError) as error:
                # The child has just died: the socket knows it before its reader does. What cannot be told
                # anything is of no use either.
                self.is_lost = True
                self._process.kill()
                raise self._loss(job_id) from error
            return await answer
        finally:
            self._calls.pop(number, None)

    async def _read(self, start: Start) -> None:
        """Takes in what the child says, until it is gone."""
        reader, writer = await asyncio.open_unix_connection(sock=self._socket)
        try:
            send(writer, start, self._traffic)
            self._writer.set_result(writer)
            while True:
                self._take(await receive(reader, self._traffic))
        except (asyncio.IncompleteReadError, OSError) as error:
            _log.log(logging.DEBUG if self._is_leaving else logging.WARNING, "a process of models has ended: %s", error)
        finally:
            self.is_lost = True
            self._watching.cancel()
            self._process.kill()
            for call in list(self._calls.values()):
                if not call.answer.done():
                    call.answer.set_exception(self._loss(call.job_id))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await asyncio.to_thread(self._process.wait)

    def _take(self, message: object) -> None:
        self._has_begun = True
        match message:
            case Begun(job_id, entry):
                self._computing = _Computing(job_id, entry)
                self._sign()
            case Ended():
                self._computing = None
                self._sign()
            case Alive():
                self.alive = message
                if self._computing is None:
                    self._sign()
            case Called(calls):
                for call in calls:
                    self._on_call(call)
            case Step(number, summary):
                if number in self._calls:
                    self._calls[number].hear(summary)
            case Answer(number, summary):
                if (answer := self._awaited(number)) is not None:
                    answer.set_result(summary)
            case Failure(number, error):
                if (answer := self._awaited(number)) is not None:
                    answer.set_exception(error)

    def _awaited(self, number: int) -> asyncio.Future[Summary] | None:
        """The answer to a call; None where its caller has left."""
        call = self._calls.get(number)
        return None if call is None or call.answer.done() else call.answer

    def _sign(self) -> None:
        self._last_sign = asyncio.get_running_loop().time()

    async def _watch(self) -> None:
        """Ends a child that gives no sign of progress."""
        loop = asyncio.get_running_loop()
        every_s = min(_LOOK_EVERY_MAX_S, self._timeout_s / _LOOKS_PER_TIMEOUT)
        while True:
            planned = loop.time() + every_s
            await asyncio.sleep(every_s)
            # What this process itself was held up for is not the child's delay: its signs lie here unread.
            self._last_sign += max(0.0, loop.time() - planned)
            allowed_s = self._timeout_s if self._has_begun else max(_START_S, self._timeout_s)
            if loop.time() - self._last_sign > allowed_s:
                self._timed_out = True
                self._process.kill()
                return

    def _loss(self, job_id: str) -> Exception:
        """Why a call on a job cannot be answered any more."""
        computing = self._computing
        if computing is not None and self._timed_out and computing.job_id == job_id:
            text = f"no sign of progress for [{self._timeout_s:g}s], so its process was ended"
            return StepTimedOut(text, computing.entry)
        text = "the process that computed the model has died"
        return PlaceLost(text) if computing is None else PlaceLost(text, computing.job_id, computing.entry)

    async def close(self) -> None:
        """Lets the child end by itself for a moment, then kills it."""
        self._is_leaving = True
        if not self.is_lost:
            (await asyncio.shield(self._writer)).close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(self._process.wait, _FAREWELL_S), _FAREWELL_S)
            self._process.kill()
        await asyncio.wait([self._reading])
