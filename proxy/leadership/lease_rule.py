"""When a lease may be taken, and for how long its holder may write. Pure: no clock is asked here, and no cluster.

Times are seconds of the monotonic clock of whoever asks; they are never stored and never compared with another
machine's. An observer sees only that the version of the lease does not change any more. The holder counts from the
moment at which its last good renewal *started*, which is before anybody can have seen it. So its time to write ends
before anybody's waiting does, by a third of the time to expiry, as long as clocks go equally fast: wall clocks may
differ by any amount.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.store.lease import Lease, Version


@dataclass(frozen=True, slots=True)
class Timing:
    """``expires_s``: a lease that was not renewed for so long may be taken; ``look_every_s``: how often others look.

    A leader that dies is replaced after both together and the takeover itself, which has to be within 15 s.
    """

    expires_s: float = 10.0
    look_every_s: float = 1.0

    @property
    def renew_every_s(self) -> float:
        """One renewal may fail, and the next still comes in time."""
        return self.expires_s / 3

    @property
    def writes_for_s(self) -> float:
        """How long the holder writes after the start of a renewal."""
        return 2 * self.expires_s / 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version of the lease, and since when it is known here."""

    version: Version
    since_s: float


def sighted(former: Sighting | None, lease: Lease, now_s: float) -> Sighting:
    """What is known after a look: the waiting begins anew with every change."""
    if former is not None and former.version == lease.version:
        return former
    return Sighting(lease.version, now_s)


def may_take(
    lease: Lease | None, sighting: Sighting | None, now_s: float, timing: Timing, *, is_owner_dead: bool = False
) -> bool:
    """Whether somebody else than its owner may take the lease, as it was read just now.

    ``is_owner_dead`` is only true where that is certain, so that a lone proxy that was killed starts without waiting.
    """
    if lease is None or lease.owner is None or is_owner_dead:
        return True
    return sighting is not None and now_s - sighting.since_s >= timing.expires_s


def may_write(renewed_s: float | None, now_s: float, timing: Timing) -> bool:
    """Whether the holder may write, whose last good renewal started at ``renewed_s``."""
    return renewed_s is not None and now_s - renewed_s < timing.writes_for_s
