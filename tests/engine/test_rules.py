"""Custom rules and calendar events say which rows and buckets are skipped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.rules import compile_events, compile_rules
from tests.engine import naive_rules

NAMES = ["host", "user"]
WORDS = st.text("ab", max_size=3)
ITEMS = st.lists(st.builds("{}{}{}".format, st.sampled_from(["", "*"]), WORDS, st.sampled_from(["", "*"])), max_size=3)
CONDITIONS = st.fixed_dictionaries(
    {
        "applies_to": st.sampled_from(["actual", "typical", "diff_from_typical", "time"]),
        "operator": st.sampled_from(["lt", "lte", "gt", "gte"]),
        "value": st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    }
)
SCOPES = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {
            "filter_id": st.sampled_from(["f", "g", "gone"]),
            "filter_type": st.sampled_from(["include", "exclude"]),
        }
    ),
    max_size=2,
)
RULES = st.fixed_dictionaries(
    {
        "actions": st.lists(
            st.sampled_from(["skip_result", "skip_model_update", "force_time_shift"]),
            min_size=1,
            unique=True,
        ),
        "scope": SCOPES,
        "conditions": st.lists(CONDITIONS, max_size=2),
        "params": st.just({"force_time_shift": {"time_shift_amount": 3600}}),
    }
)
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, float("nan")])
ROWS = st.lists(
    st.tuples(st.integers(-1, 4), st.integers(-1, 4), NUMBERS, NUMBERS, st.integers(0, 3)),
    min_size=1,
    max_size=8,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "description": st.sampled_from(["a", "b"]),
            "start_time": st.integers(0, 50_000),
            "length": st.integers(1, 30_000),
            "skip_result": st.booleans(),
            "skip_model_update": st.booleans(),
        }
    ).map(lambda e: {**e, "end_time": e["start_time"] + e["length"]}),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(
    rules=st.lists(RULES, max_size=3),
    first=ITEMS,
    second=ITEMS,
    rows=ROWS,
    values=st.lists(WORDS, min_size=5, max_size=5),
)
def test_masks_agree_with_the_row_by_row_twin(rules, first, second, rows, values):
    filters = {"f": first, "g": second}
    host, user, actual, typical, time_s = (np.array(column) for column in zip(*rows, strict=True))
    keys = {"host": (host, values), "user": (user, values)}
    effects = compile_rules({"custom_rules": rules}, filters).masks(keys, actual, typical, time_s)
    for i, row in enumerate(rows):
        row_keys = {name: values[code] if code >= 0 else None for name, code in zip(NAMES, row[:2], strict=True)}
        expected = naive_rules.row_effect(rules, filters, row_keys, *row[2:])
        assert expected == (
            effects.skip_result[i],
            effects.skip_model_update[i],
            effects.shift_rule[i],
            effects.time_shift_s[i],
        )


@settings(max_examples=200, deadline=None)
@given(events=EVENTS, span_s=st.sampled_from([1, 7, 10]))
def test_events_cover_exactly_the_buckets_they_overlap(events, span_s):
    starts = np.arange(0, 90 // span_s) * span_s
    calendar = compile_events(events, span_s)
    skip_result, skip_update = calendar.masks(starts)
    for i, start in enumerate(starts.tolist()):
        active = [e for e in events if naive_rules.event_covers(e, start, span_s)]
        effect = calendar.at(start)
        assert skip_result[i] == effect.skip_result == any(e["skip_result"] for e in active)
        assert skip_update[i] == effect.skip_model_update
        assert effect.skip_model_update == any(e["skip_model_update"] for e in active)
        assert sorted(effect.descriptions) == sorted(e["description"] for e in active)


def test_a_rule_without_actions_skips_the_result():
    detector = {"custom_rules": [{"conditions": [{"applies_to": "actual", "operator": "lt", "value": 5}]}]}
    rules = compile_rules(detector, {})
    effects = rules.masks({}, np.array([4.0, 5.0]), np.zeros(2), 0)
    assert effects.skip_result.tolist() == [True, False]
    assert not effects.skip_model_update.any()
    assert rules.needs_values


def test_a_time_rule_does_not_need_the_model():
    rules = compile_rules(
        {"custom_rules": [{"conditions": [{"applies_to": "time", "operator": "gte", "value": 10}]}]}, {}
    )
    assert not rules.needs_values
    assert rules.masks({}, np.zeros(1), np.zeros(1), 10).skip_result.all()


@pytest.mark.parametrize("detector", [{}, {"custom_rules": []}, {"custom_rules": None}])
def test_a_detector_without_rules_skips_nothing(detector):
    rules = compile_rules(detector, {})
    assert rules.is_empty
    assert not rules.masks({}, np.ones(3), np.ones(3), 0).skip_result.any()


def test_a_shifting_event_asks_once_at_its_first_bucket():
    event = {"start_time": 65_000, "end_time": 200_000, "force_time_shift": -3600, "description": "dst"}
    calendar = compile_events([event], 60)
    shifts = [calendar.at(start).shifts for start in (0, 60, 120)]
    assert shifts == [(), (-3600,), ()]


def test_masks_leave_their_inputs_alone():
    codes = np.array([0, 1, -1])
    actual, typical = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0])
    for array in (codes, actual, typical):
        array.setflags(write=False)
    detector = {"custom_rules": [{"scope": {"host": {"filter_id": "f", "filter_type": "exclude"}}}]}
    effects = compile_rules(detector, {"f": ["a*"]}).masks({"host": (codes, ["abc", "b"])}, actual, typical, 0)
    assert effects.skip_result.tolist() == [False, True, True]
