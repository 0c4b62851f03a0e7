"""The connection of this process to a Ray cluster, which all its places share. What is sent is ``talk``'s matter."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from typing import Any

# Ray tells its makers of every start otherwise. It is read when Ray is loaded, here or in what it starts.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Of a Ray that is started here: models are what the machine is for, and Ray would let everything else go first.
os.environ.setdefault("RAY_worker_niceness", "0")

import ray

from proxy.runtime.place.contract import NotUp
from proxy.runtime.place.on_ray.actor import PlaceActor

_log = logging.getLogger(__name__)
# Of a Ray of our own: what is on its way to models lies there. Bodies of more are put on disk meanwhile.
_OBJECT_STORE_BYTES = 256 << 20
_CONNECT_S = 60.0
_LOOK_S = 5.0

# An actor's handle: Ray makes its methods when it is asked for them.
Handle = Any


def take_signals_back() -> None:
    """Ray ends its process at once when that is told to stop; whoever has a handler in Python wants to save first."""
    if threading.current_thread() is threading.main_thread():
        handler = signal.getsignal(signal.SIGTERM)
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)


class RayCluster:
    """One connection, made when the first place needs it and ended with the last."""

    def __init__(self, address: str | None, actors: int) -> None:
        """Without an address, Ray is started on this machine, with as many cores as there are to be actors."""
        self._address = address
        self._actors = actors
        self._users: set[object] = set()
        self._connecting = asyncio.Lock()
        self._is_ours = False

    async def connect(self, user: object) -> None:
        """
        Raises:
            NotUp: the cluster cannot be reached.
        """
        async with self._connecting:
            self._users.add(user)
            # A process has one connection: who has it already keeps it, and ends it.
            if ray.is_initialized():
                return
            try:
                await self._look()
                # In a thread, also because Ray takes the signals of the main one.
                await asyncio.wait_for(asyncio.to_thread(self._connect), _CONNECT_S)
            except (TimeoutError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                shown = "of this machine" if self._address is None else f"[{self._address}]"
                raise NotUp(f"the Ray cluster {shown} cannot be reached: {error or type(error).__name__}") from error
            self._is_ours = True
            take_signals_back()

    async def _look(self) -> None:
        """Raises OSError or TimeoutError where nobody listens; Ray itself would not give up for minutes."""
        host, _, port = (self._address or "").rpartition(":")
        if host:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), _LOOK_S)
            writer.close()

    def _connect(self) -> None:
        own: dict[str, Any] = {}
        if self._address is None:
            own = {
                "num_cpus": self._actors,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        address = self._address or "local"
        ray.init(address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR, **own)
        _log.info("models are computed on Ray at [%s]", address)

    def actor(self) -> Handle:
        """Asks for an actor with a core of its own, on the machine that has the fewest; it may have to wait for one."""
        made = ray.remote(PlaceActor).options(
            num_cpus=1, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        return made.remote()

    async def end(self, actor: Handle, *, restarts: bool) -> None:
        """Ends an actor's process at once, wherever it is; one that ``restarts`` begins anew without jobs."""
        await asyncio.to_thread(self._end, actor, restarts)

    def _end(self, actor: Handle, restarts: bool) -> None:
        if ray.is_initialized():
            ray.kill(actor, no_restart=not restarts)

    async def leave(self, user: object) -> None:
        """Ends the connection if nobody else uses it."""
        self._users.discard(user)
        if self._is_ours and not self._users:
            self._is_ours = False
            await asyncio.to_thread(ray.shutdown)
