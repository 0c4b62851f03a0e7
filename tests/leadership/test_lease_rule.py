"""Who may take a lease and who may write: whatever holder and observers do, never two at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.leadership.lease_rule import Sighting, Timing, may_take, may_write, sighted
from proxy.store.lease import Lease, Peer

PROXY = Path(__file__).parent.parent.parent / "proxy"
T = Timing()
OTHER = Peer("b" * 32, "other", "http://other:9280", "")


def lease(version: int, owner: Peer | None = OTHER) -> Lease:
    return Lease(owner, 7, (version, 1))


def test_waiting_begins_anew_with_every_change():
    first = sighted(None, lease(1), 100.0)
    assert sighted(first, lease(1), 105.0) == first
    assert sighted(first, lease(2), 105.0) == Sighting((2, 1), 105.0)


def test_a_lease_is_taken_when_it_did_not_change_for_its_whole_time():
    sighting = sighted(None, lease(1), 100.0)
    assert not may_take(lease(1), sighting, 100.0 + T.expires_s - 0.01, T)
    assert may_take(lease(1), sighting, 100.0 + T.expires_s, T)


@pytest.mark.parametrize("found", [None, lease(1, owner=None)])
def test_what_nobody_has_is_taken_at_once(found: Lease | None):
    assert may_take(found, None, 0.0, T)


def test_the_lease_of_a_process_that_has_certainly_ended_is_taken_at_once():
    assert may_take(lease(1), sighted(None, lease(1), 5.0), 5.0, T, is_owner_dead=True)
    assert not may_take(lease(1), sighted(None, lease(1), 5.0), 5.0, T)


def test_the_holder_writes_for_two_thirds_of_the_time_since_its_renewal_began():
    assert not may_write(None, 0.0, T)
    assert may_write(50.0, 50.0 + 2 * T.expires_s / 3 - 0.01, T)
    assert not may_write(50.0, 50.01 + 2 * T.expires_s / 3, T)


def test_a_dead_leader_is_replaced_within_fifteen_seconds():
    # A last renewal may be seen one look late, and its expiry again.
    assert T.expires_s + 2 * T.look_every_s < 15 - 2, "the takeover itself needs some of it"


@dataclass
class Holder:
    """One who renews: when each renewal started, and when it came through (None: never)."""

    starts: list[float]
    landings: list[float | None]

    def writes_at(self, now_s: float) -> bool:
        good = [start for start, landed in zip(self.starts, self.landings, strict=True) if landed and landed <= now_s]
        return may_write(max(good, default=None), now_s, T)

    def version_at(self, now_s: float) -> int:
        return sum(landed is not None and landed <= now_s for landed in self.landings)


@given(
    pauses=st.lists(st.floats(0.1, 30), min_size=1, max_size=12),
    delays=st.lists(st.one_of(st.none(), st.floats(0, 20)), min_size=12, max_size=12),
    looks=st.lists(st.floats(0.05, 8), min_size=1, max_size=60),
    offset_s=st.floats(-1e6, 1e6),
)
def test_nobody_takes_a_lease_while_its_holder_may_write(pauses, delays, looks, offset_s):
    """The observer's clock differs from the holder's by any amount, and renewals may be slow, lost or far apart."""
    starts, now_s = [0.0], 0.0
    for pause_s in pauses:
        now_s += pause_s
        starts.append(now_s)
    # Renewals follow each other: the next starts when the one before has landed.
    landings: list[float | None] = [0.0]
    for start, delay in zip(starts[1:], delays, strict=False):
        landings.append(None if delay is None else start + delay)
    holder = Holder(starts[: len(landings)], landings)
    sighting, now_s = None, 0.0
    for pause_s in looks:
        now_s += pause_s
        found = lease(holder.version_at(now_s))
        sighting = sighted(sighting, found, now_s + offset_s)
        if may_take(found, sighting, now_s + offset_s + 1e-6, T):
            # From here on no renewal of the holder comes through, because the version has changed.
            came_through = [pair for pair in zip(starts, landings, strict=False) if pair[1] is not None]
            seen = [(start, landed) for start, landed in came_through if landed <= now_s]
            late = Holder([start for start, _ in seen], [landed for _, landed in seen])
            assert not any(late.writes_at(now_s + later_s / 10) for later_s in range(200))
            return


def test_no_wall_clock_is_asked():
    files = [
        *(PROXY / "leadership").glob("*.py"),
        *(PROXY / "store" / name for name in ("lease.py", "epochs.py", "fence.py")),
    ]
    asked = re.compile(r"\btime\.time|time_ns|datetime|localtime|gmtime")
    assert [path.name for path in files if asked.search(path.read_text())] == []
    assert len(files) > 5
