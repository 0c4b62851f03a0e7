"""Which proxies follow: each says now and then that it is there, and the leader sees whose word goes on changing.

Nothing is decided by it; it is shown to whoever runs them. As for the lease, no wall clock is asked.
"""

from __future__ import annotations

from proxy.leadership.lease_rule import Sighting
from proxy.store.lease import Leases, Peer

# How often a follower says it, and after how long without it is taken for gone.
TELL_EVERY_S = 5.0
_GONE_S = 15.0
# What nobody has changed for so long is deleted.
_FORGOTTEN_S = 300.0


class Followers:
    """``now_s`` is given to each call: the monotonic clock of this process."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._told_s: float | None = None
        self._seen: dict[str, tuple[Peer, Sighting]] = {}

    async def tell(self, me: Peer, now_s: float) -> None:
        """Says that this process follows, where that was not said just now."""
        if self._told_s is None or now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            await self._leases.show(me)

    async def look(self, me: Peer, now_s: float) -> None:
        """To be called by the leader."""
        for peer, version in await self._leases.shown():
            known = self._seen.get(peer.node_id)
            if known is None or known[1].version != version:
                self._seen[peer.node_id] = (peer, Sighting(version, now_s))
        for node_id, (peer, sighting) in list(self._seen.items()):
            if node_id == me.node_id or now_s - sighting.since_s > _FORGOTTEN_S:
                del self._seen[node_id]
                await self._leases.hide(peer)

    def present(self, now_s: float) -> list[Peer]:
        """Those who follow, by name."""
        alive = [peer for peer, sighting in self._seen.values() if now_s - sighting.since_s < _GONE_S]
        return sorted(alive, key=lambda peer: (peer.name, peer.address))
