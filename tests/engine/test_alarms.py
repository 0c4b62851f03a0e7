"""Alarms and runs of models/events.py against their naive twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.models.events import Events
from tests.engine.naive_alarms import NaiveAlarms

SIZE = st.floats(0, 5, width=32)


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from([1, 2, 149, 150, 151, 400]), SIZE, SIZE, SIZE), max_size=30))
def test_an_event_is_heard_once_and_again_when_it_gets_worse(steps):
    events = Events()
    events.grow_to(2)
    twins, rows, bucket = (NaiveAlarms(), NaiveAlarms()), np.arange(2), 7
    for gap, first, second, surprise in steps:
        bucket += gap
        alarm, surprises = np.array([first, second]), np.array([surprise, 1.0])
        heard = events.first_alarm(rows, bucket, alarm)
        assert heard.tolist() == [twin.heard(bucket, a) for twin, a in zip(twins, alarm, strict=True)]
        events.learn(rows, bucket, surprises)
        events.learn_alarm(rows, bucket, heard)
        for twin, a, s in zip(twins, heard, surprises, strict=True):
            twin.learn(bucket, a, s)
        assert [events.run_length(row) for row in (0, 1)] == [twin.run() for twin in twins]
        assert events.state()["alarm_peak"] == pytest.approx(
            [twin.raised[-1][1] if twin.raised else 0 for twin in twins]
        )
