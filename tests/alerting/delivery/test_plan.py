"""What becomes of a message: pure rules, on clocks of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.alerting.connectors.kind import Outcome
from proxy.alerting.delivery.outbox import batches
from proxy.alerting.delivery.plan import Next, Start, next_of, pause_ms, start_of
from proxy.store.alerting.messages import Waiting
from tests.alerting.messages import FIRST, RECOVERED, T0, stored

DAY_MS = 86_400_000


def waits(sequence: int, *, status="pending", due_at_ms=T0, is_claimed=False, line=FIRST.line) -> Waiting:
    return Waiting(line, sequence, status, due_at_ms, is_claimed)


@pytest.mark.parametrize(
    ("message", "others", "start"),
    [
        (stored(), [], Start("send")),
        (stored(), [waits(2)], Start("send")),
        (stored(RECOVERED), [waits(1, due_at_ms=T0 + 9)], Start("put_off", T0 + 9)),
        (stored(RECOVERED), [waits(1)], Start("leave")),
        (stored(RECOVERED), [waits(1, status="active")], Start("send")),
        (stored(RECOVERED), [waits(1, line=("another", "action"))], Start("send")),
        (stored(RECOVERED), [waits(1, due_at_ms=T0 + 60_000, is_claimed=True)], Start("put_off", T0 + 5000)),
        (stored(attempts=1), [], Start("send")),
        (stored(attempts=1), [waits(2)], Start("drop", reason="the alert changed before it could be told of")),
        (stored(RECOVERED, attempts=1), [waits(3)], Start("send")),
        (stored(status="active"), [], Start("send")),
        (stored(status="active"), [waits(2, due_at_ms=T0 + 9)], Start("put_off", T0 + 60_000)),
    ],
)
def test_when_a_message_may_go_out(message, others, start):
    assert start_of(message, [*others, waits(message.delivery.sequence)], T0) == start


def follows(message, outcome, now_ms=T0):
    return next_of(message, outcome, now_ms, retry_for_ms=DAY_MS, jitter=1.0)


def test_what_follows_from_a_try():
    assert follows(stored(), Outcome("ok")) == Next("sent")
    assert follows(stored(), Outcome("failed", "no")) == Next("give_up", reason="no")
    assert follows(stored(), Outcome("retry", "later")) == Next("again", T0 + 1000, "later")
    assert follows(stored(attempts=3), Outcome("retry")).at_ms == T0 + 8000
    assert follows(stored(attempts=30), Outcome("retry")).at_ms == T0 + 300_000
    assert follows(stored(), Outcome("retry", after_ms=90_000)).at_ms == T0 + 90_000
    assert follows(stored(), Outcome("retry", after_ms=DAY_MS)).at_ms == T0 + 3_600_000


def test_a_message_is_given_up_after_a_day_unless_it_is_only_repeated():
    late = T0 + DAY_MS - 500
    assert follows(stored(), Outcome("retry", "busy"), late).kind == "give_up"
    assert "busy; it was tried for [86400] seconds" in follows(stored(), Outcome("retry", "busy"), late).reason
    assert follows(stored(status="active"), Outcome("retry"), late).kind == "again"


def test_what_the_receiver_forgets_is_sent_again_but_not_what_has_ended():
    assert follows(stored(), Outcome("ok", repeat_after_ms=60_000)) == Next("sent", T0 + 60_000)
    assert follows(stored(RECOVERED), Outcome("ok", repeat_after_ms=60_000)) == Next("sent")


@given(st.integers(0, 100), st.floats(0, 1))
def test_pauses_are_bounded(attempts, jitter):
    assert 500 <= pause_ms(attempts, None, jitter) <= 300_000


@given(st.permutations(range(1, 6)), st.lists(st.sampled_from(["ok", "retry", "die"]), max_size=60))
def test_messages_of_a_line_arrive_in_order_whatever_happens(found_in, fates):
    """Each at least once unless it was dropped, and none after a later one; ``die`` is a death before it was marked."""
    open_ = {n: stored(replace(FIRST, delivery_id=str(n), sequence=n)) for n in range(1, 6)}
    arrived, dropped, now_ms = [], set(), T0
    for fate in fates + ["ok"] * 20:
        now_ms += 400_000
        waiting = [waits(n, due_at_ms=now_ms - 1) for n in open_]
        for n in [n for n in found_in if n in open_]:
            start = start_of(open_[n], waiting, now_ms)
            if start.kind == "drop":
                dropped.add(n)
                del open_[n]
                break
            if start.kind == "send":
                if fate != "retry":
                    arrived.append(n)
                if fate == "ok":
                    del open_[n]
                elif fate == "retry":
                    open_[n] = replace(open_[n], attempts=open_[n].attempts + 1)
                break
    assert arrived == sorted(arrived)
    assert set(arrived) | dropped == {1, 2, 3, 4, 5}
    assert 5 not in dropped


def test_alerts_for_one_alertmanager_go_together_but_not_two_of_one_line():
    kind = {"connector_type_id": ".alertmanager"}
    of = [stored(replace(FIRST, **kind, alert_id=f"a{n}", delivery_id=f"{n}")) for n in range(501)]
    again = stored(replace(FIRST, **kind, alert_id="a500", delivery_id="again", sequence=2))
    other = stored(replace(FIRST, connector_id="c2"))
    found = batches([*of, other, again, other])
    assert [len(batch) for batch in found] == [500, 1, 1, 1, 1]
    assert found[1][0] is of[500]
    assert found[3][0] is again
