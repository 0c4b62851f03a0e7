"""A process that holds models: a ``Worker`` behind a socket. Its counterpart, the parent's side, is ``process``.

Started as ``python -m proxy.runtime.place.child SOCKET PARENT``: the socket's file descriptor and the parent's id. It
ends with its parent, or when the parent closes the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine
from pathlib import Path

import uvloop

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
    portable,
    receive,
    send_together,
)
from proxy.runtime.place.worker import Worker
from proxy.store import store_of_term
from proxy.store.calls import ClusterCall
from proxy.store.client import opaque_id

_log = logging.getLogger(__name__)
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
# Signs of life per time that the parent waits for one.
_SIGNS = 4
_MOMENT_S = 1e-3
# How long the end of a step may wait for company.
_SOON_S = 0.02


class _Voice:
    """What this process says to its parent.

    That a step begins is said at once, before it can do harm; that it has ended goes with what is said next.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._untold: list[object] = []
        self._later: asyncio.TimerHandle | None = None

    def say(self, *messages: object) -> None:
        """At once, behind what was left to be said."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        said, self._untold = [*self._untold, *messages], []
        send_together(self._writer, said)

    def begun(self, job_id: str, entry: int | None) -> None:
        self.say(Begun(job_id, entry))

    def ended(self) -> None:
        self._untold.append(Ended())
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_SOON_S, self.say)


class _Child:
    def __init__(self, start: Start, writer: asyncio.StreamWriter) -> None:
        self._voice = _Voice(writer)
        self._beat_s = start.config.runtime.step_timeout / _SIGNS
        self._calls: list[ClusterCall] = []
        self._worker = Worker(store_of_term(start.config, self._calls.append, start.term), self._voice)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Performs what is asked for until the parent is gone."""
        self._spawn(self._show_life())
        while True:
            request = await receive(reader)
            assert isinstance(request, Request)
            self._spawn(self._perform(request))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _show_life(self) -> None:
        busy_s, looked = 0.0, time.perf_counter()
        while True:
            busy_before_s, busy_s, looked_before, looked = busy_s, self._worker.busy_s, looked, time.perf_counter()
            load = (busy_s - busy_before_s) / max(looked - looked_before, _MOMENT_S)
            self._voice.say(Alive(memory_bytes(), min(1.0, load)), *self._calls_to_tell())
            await asyncio.sleep(self._beat_s)

    async def _perform(self, request: Request) -> None:
        opaque_id.set(request.opaque_id)
        number = request.number

        def hear(summary: Summary) -> None:
            self._voice.say(Step(number, summary))

        try:
            summary = await self._worker.perform(request.job_id, request.command, hear)
        except Exception as error:
            self._voice.say(Failure(number, portable(error)), *self._calls_to_tell())
        else:
            self._voice.say(Answer(number, summary), *self._calls_to_tell())

    def _calls_to_tell(self) -> list[object]:
        if not self._calls:
            return []
        calls = self._calls.copy()
        self._calls.clear()
        return [Called(calls)]


async def _serve(connection: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        start = await receive(reader)
        assert isinstance(start, Start)
        level = start.config.log.level.upper()
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        if level != "DEBUG":
            logging.getLogger("elastic_transport").setLevel(logging.ERROR)
        await _Child(start, writer).serve(reader)
    except (asyncio.IncompleteReadError, ConnectionError):
        _log.debug("the parent has closed the connection")


def memory_bytes() -> int:
    """What this process holds in memory; 0 where this system does not tell."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def end_with(parent: int) -> None:
    """Signals to the whole group are left to the parent, whose end is ours too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the process that wanted these models is gone")


def main() -> None:
    descriptor, parent = map(int, sys.argv[1:3])
    end_with(parent)
    uvloop.run(_serve(socket.socket(fileno=descriptor)))
    # A step that hangs in its thread would be waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
