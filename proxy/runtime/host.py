"""Where the models of open jobs live: behind one small interface, so that it can be another process or machine.

A ``JobHost`` runs named functions of ``worker`` on the place that holds a job. Calls for one job are made in turn
by its owner (``supervisor``); hosts need no locks. What is sent and answered is plain picklable data.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar
from zlib import crc32

from proxy.runtime import worker

Answer = TypeVar("Answer")


class HostLost(Exception):
    """The process that held the job's model is gone; the model must be loaded anew."""


class JobHost(Protocol):
    """Runs the functions of ``worker`` where a job lives."""

    async def call(self, job_id: str, function: Callable[..., Answer], *arguments: object) -> Answer:
        """The answer of ``function(job_id, *arguments)``.

        Raises:
            HostLost: the place is gone with all its jobs.
            Exception: whatever the function raised.
        """
        ...

    def close(self) -> None: ...


class ProcessHost:
    """Keeps each job in one of a few child processes, so that modelling never delays the answering of requests."""

    def __init__(self, processes: int) -> None:
        # numpy's own threads would compete with the other processes for the same cores.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._pools = [self._pool() for _ in range(processes)]

    @staticmethod
    def _pool() -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, mp_context=context, initializer=worker.initialise, initargs=(os.getpid(),))

    async def call(self, job_id: str, function: Callable[..., Answer], *arguments: object) -> Answer:
        slot = crc32(job_id.encode()) % len(self._pools)
        pool = self._pools[slot]
        try:
            return await asyncio.wrap_future(pool.submit(function, job_id, *arguments))
        except BrokenProcessPool as error:
            if self._pools[slot] is pool:
                self._pools[slot] = self._pool()
            raise HostLost("the process that computed the model has died") from error
        except worker.JobNotLoaded as error:
            raise HostLost(f"the process that held the model of job [{job_id}] has been replaced") from error

    def close(self) -> None:
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
