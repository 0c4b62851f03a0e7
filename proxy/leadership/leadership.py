"""Takes, renews and gives back the lease, and says to whoever asks whether this process leads.

What leading means is its ``Duty``, which is begun and ended with each term. When a lease may be taken is decided by
``lease_rule``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from proxy.errors import MlError
from proxy.leadership.followers import Followers
from proxy.leadership.lease_rule import Sighting, Timing, may_take, may_write, sighted
from proxy.leadership.processes import is_dead
from proxy.runtime.tasks import Tasks
from proxy.store.client import ClusterClient
from proxy.store.epochs import Epochs, Superseded
from proxy.store.fence import TermFence
from proxy.store.lease import Lease, Leases, Peer, Version
from proxy.store.names import Names

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
Answered = TypeVar("Answered")


class Duty(Protocol):
    """What only the leader does."""

    async def begin(self, former: Peer | None) -> None:
        """A term begins: writes are let through. ``former`` led before, if that was another proxy."""
        ...

    async def end(self) -> None:
        """The term is over, and nothing can be written any more: what it held is given up as it is."""
        ...

    def report(self) -> Mapping[str, Any]:
        """Figures of what is held, to be stored with the lease."""
        ...


@dataclass(slots=True)
class _Held:
    epoch: int
    version: Version
    renewed_s: float


class Leadership:
    """Of one process. ``fence`` is what its writes pass, ``now_s`` a clock that goes on while it is stopped."""

    def __init__(
        self,
        leases: Leases,
        epochs: Epochs,
        fence: TermFence,
        timing: Timing,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases = leases
        self._epochs = epochs
        self._fence = fence
        self._timing = timing
        self._now_s = now_s
        self._tasks = Tasks()
        self._followers = Followers(leases)
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._changed = asyncio.Condition()
        self._me: Peer | None = None
        self._duty: Duty | None = None
        self._held: _Held | None = None
        self._former: Peer | None = None
        self._on_duty: int | None = None
        self._seen: Lease | None = None
        self._sighting: Sighting | None = None
        fence.may_write, fence.look = self._may_write, self._look

    @classmethod
    def of(cls, client: ClusterClient, names: Names, fence: TermFence, timing: Timing | None = None) -> Leadership:
        """``client`` is one without a fence, with connections of its own: renewals must not wait for anything else."""
        return cls(Leases(client, names.config), Epochs(client, names), fence, timing or Timing())

    # ---- what others ask

    @property
    def leads(self) -> bool:
        """Whether this process holds what only a leader has; it may not be allowed to write at this moment."""
        return self._held is not None and self._on_duty == self._held.epoch

    @property
    def me(self) -> Peer:
        assert self._me is not None, "start() comes first"
        return self._me

    @property
    def leader(self) -> Peer | None:
        """Who leads, as far as is known here; None where nobody does, or the last one has not been heard of."""
        if self._held is not None:
            return self._me if self.leads else None
        lease, sighting = self._seen, self._sighting
        if lease is None or sighting is None or may_take(lease, sighting, self._now_s(), self._timing):
            return None
        return None if lease.owner is None or self._is_mine(lease) else lease.owner

    def proxies(self) -> list[Mapping[str, str | int]]:
        """The leader, which this process is, and those who follow."""
        present = [] if self._held is None else [self.me, *self._followers.present(self._now_s())]
        epoch = 0 if self._held is None else self._held.epoch
        return [
            {"name": peer.name, "address": peer.address, "role": "leader" if peer == self._me else "follower",
             "epoch": epoch}
            for peer in present
        ]  # fmt: skip

    async def wait_for_change(self, timeout_s: float) -> None:
        """Until something about the leader may have changed, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait()

    # ---- the process

    async def start(self, me: Peer, duty: Duty) -> None:
        """Begins to look; ``duty`` is begun as soon as the lease is this process's."""
        self._me, self._duty = me, duty
        self._tasks.spawn(self._run(), "lead or follow")

    async def stop(self) -> None:
        """Gives back the lease, once what the duty held has been ended in order."""
        await self._tasks.stop()
        held, self._held, self._fence.term = self._held, None, None
        try:
            if held is not None:
                await self._in_time(self._give_back(held))
            elif self._me is not None:
                await self._in_time(self._leases.hide(self._me))
        except (MlError, TimeoutError) as error:
            _log.warning("the lease could not be given back, so that others wait for its end: %s", error)

    async def _give_back(self, held: _Held) -> None:
        """As it is now, where a renewal was cut off whose answer never came."""
        if await self._leases.give_back(self.me, held.epoch, held.version) is None:
            lease = await self._leases.read()
            if lease is not None and self._is_mine(lease) and lease.epoch == held.epoch:
                await self._leases.give_back(self.me, held.epoch, lease.version)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause_s = _RETRY_S
            try:
                async with self._lock:
                    await self._step()
                await self._do_duty()
                await self._look_around()
                pause_s = self._timing.renew_every_s if self.leads else self._timing.look_every_s
            except (MlError, TimeoutError) as error:
                _log.info("the lease could not be looked after: %s", error or "no answer in time")
            except Exception:
                _log.exception("the lease could not be looked after")
            async with self._changed:
                self._changed.notify_all()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)

    async def _step(self) -> None:
        if self._held is not None:
            await self._renew(self._held)
            return
        lease = await self._in_time(self._leases.read())
        self._seen = lease
        now_s = self._now_s()
        self._sighting = None if lease is None else sighted(self._sighting, lease, now_s)
        is_free = (
            lease is not None and lease.owner is not None and (self._is_mine(lease) or is_dead(lease.owner.process))
        )
        if may_take(lease, self._sighting, now_s, self._timing, is_owner_dead=is_free):
            self._seen = None
            await self._take(lease)

    async def _do_duty(self) -> None:
        assert self._duty is not None, "start() comes first"
        epoch = None if self._held is None else self._held.epoch
        if self._on_duty is not None and self._on_duty != epoch:
            self._on_duty = None
            _log.warning("this proxy leads no longer")
            await self._duty.end()
        if epoch is not None and self._on_duty is None and self._held is not None:
            await self._duty.begin(self._former)
            self._on_duty = epoch
            _log.info("this proxy leads, in epoch [%d]", epoch)

    async def _look_around(self) -> None:
        """Shows this process to the leader, or, where it leads, looks for the others."""
        if self.leads:
            await self._in_time(self._followers.look(self.me, self._now_s()))
        elif self.leader is not None:
            await self._in_time(self._followers.tell(self.me, self._now_s()))

    # ---- the lease

    async def _take(self, lease: Lease | None) -> None:
        if lease is None:
            await self._epochs.prepare()
        epoch = max(0 if lease is None else lease.epoch, await self._epochs.latest()) + 1
        started_s = self._now_s()
        former = None if lease is None else lease.version
        version = await self._in_time(self._leases.write(self.me, epoch, former))
        if version is None:
            return  # somebody else was faster
        term = self._term(epoch)
        try:
            await self._epochs.begin(term, epoch)
        except Superseded:
            return
        former_leader = None if lease is None else lease.last_owner
        is_other = former_leader is not None and former_leader.lasting_id != self.me.lasting_id
        self._former = former_leader if is_other else None
        self._held = _Held(epoch, version, started_s)
        self._fence.term = term

    async def _renew(self, held: _Held) -> None:
        started_s = self._now_s()
        report = self._duty.report() if self._duty is not None and self._on_duty is not None else {}
        version = await self._in_time(self._leases.write(self.me, held.epoch, held.version, report))
        if version is None:
            version = await self._written_after_all(held)
        if version is None:
            self._held, self._fence.term = None, None
            self._wake.set()
        else:
            held.version, held.renewed_s = version, started_s

    async def _written_after_all(self, held: _Held) -> Version | None:
        """The lease's version where it is still this process's: its answer was lost, or somebody deleted its index."""
        lease = await self._in_time(self._leases.read())
        if lease is not None:
            self._seen, self._sighting = lease, sighted(None, lease, self._now_s())
            return lease.version if self._is_mine(lease) and lease.epoch == held.epoch else None
        await self._epochs.prepare()
        version = await self._in_time(self._leases.write(self.me, held.epoch, None))
        if version is not None:
            try:
                await self._epochs.begin(self._term(held.epoch), held.epoch)
            except Superseded:
                return None
        return version

    def _may_write(self) -> bool:
        return self._held is not None and may_write(self._held.renewed_s, self._now_s(), self._timing)

    async def _look(self) -> bool:
        """Whether this process still leads, asked because the cluster refused one of its writes."""
        async with self._lock:
            if self._held is not None:
                with suppress(TimeoutError):
                    await self._renew(self._held)
        return self._held is not None

    def _is_mine(self, lease: Lease) -> bool:
        return lease.owner is not None and self._me is not None and lease.owner.node_id == self._me.node_id

    def _term(self, epoch: int) -> str:
        return f"{epoch}-{self.me.short_id}"

    async def _in_time(self, asked: Awaitable[Answered]) -> Answered:
        async with asyncio.timeout(self._timing.renew_every_s):
            return await asked
