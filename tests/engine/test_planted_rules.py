"""Custom rules and calendar events do what they name and nothing else: every action, operator, operand and scope."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.planted import (
    DAY,
    DAYS,
    HOUR,
    MALLORY,
    PLANTED,
    START,
    Rows,
    blamed,
    bucket_at,
    config,
    part_of,
    records_at,
    run,
    run_from_planted,
    world,
)

COUNT = {"function": "count", "partition_field_name": "host"}
MEAN = {"function": "mean", "field_name": "value"}


def visited(days=DAYS, events=400):
    """Mallory's events of the planted hour at the sick host."""
    rows = world(days=days)
    times = PLANTED + np.arange(events) * HOUR // events
    rows.add(times, host="sick", user=MALLORY, word="word01", numbers={"value": 100.0})
    return rows


@cache
def visited_hour():
    """The same up to the end of that hour, as a batch."""
    batch = visited().batch()
    return part_of(batch, batch.time < PLANTED + HOUR)


def condition(applies_to, operator, value):
    return {"applies_to": applies_to, "operator": operator, "value": value}


@cache
def unruled():
    """The planted record as it is without rules."""
    (record,) = records_at(run_from_planted(config(COUNT), visited_hour()), PLANTED)
    assert record["record_score"] >= 75
    assert blamed(record, "user") == [MALLORY]
    return record


# operator -> does it hold for an operand less than, equal to, greater than the value of the condition
OPERATORS = {
    "lt": (True, False, False),
    "lte": (True, True, False),
    "gt": (False, False, True),
    "gte": (False, True, True),
}
OPERANDS = ["actual", "typical", "diff_from_typical", "time"]
CASES = [(o, name, place) for o in OPERANDS for name in OPERATORS for place in range(3)]


@pytest.mark.parametrize("case", CASES, ids=["-".join(map(str, case)) for case in CASES])
def test_a_condition_hides_the_result_exactly_where_it_holds(case):
    operand, operator, place = case
    (actual,), (typical,) = unruled()["actual"], unruled()["typical"]
    value_of = {"actual": actual, "typical": typical, "diff_from_typical": abs(actual - typical), "time": PLANTED}
    rule = {"conditions": [condition(operand, operator, value_of[operand] + 1 - place)]}
    found = records_at(run_from_planted(config(COUNT | {"custom_rules": [rule]}), visited_hour()), PLANTED)
    assert (found == []) == OPERATORS[operator][place]


SCOPED = [
    (COUNT, "host", ["sick"]),
    (COUNT, "host", ["si*"]),
    ({"function": "count", "by_field_name": "host"}, "host", ["*ck"]),
    ({"function": "count", "over_field_name": "user"}, "user", [MALLORY]),
    ({"function": "rare", "by_field_name": "user"}, "user", ["*llo*"]),
]


@pytest.mark.parametrize("kind", ["include", "exclude"])
@pytest.mark.parametrize(("detector", "field", "items"), SCOPED)
def test_a_scope_hides_who_is_or_is_not_listed(detector, field, items, kind):
    scope = {field: {"filter_id": "list", "filter_type": kind}}
    job = config(detector, detector | {"custom_rules": [{"scope": scope}]})
    records = records_at(run_from_planted(job, visited_hour(), filters={"list": items}), PLANTED)
    found = [r["detector_index"] for r in records if r["record_score"] >= 50]
    assert found == ([0] if kind == "include" else [0, 1])


def test_scope_and_all_conditions_must_hold():
    listed = {"scope": {"host": {"filter_id": "ill"}}}
    rules = [
        listed | {"conditions": [condition("actual", "lt", 1000)]},
        listed | {"conditions": [condition("actual", "lt", 300)]},
        {"conditions": [condition("typical", "lt", 300), condition("actual", "gt", 300)]},
        {"conditions": [condition("typical", "lt", 300), condition("actual", "lt", 300)]},
    ]
    job = config(*(COUNT | {"custom_rules": [rule]} for rule in rules))
    results = run_from_planted(job, visited_hour(), filters={"ill": ["sick"]})
    assert {r["detector_index"] for r in records_at(results, PLANTED)} == {1, 3}


def test_a_hidden_result_is_no_part_of_its_bucket():
    rule = {"conditions": [condition("actual", "gt", 300)]}
    results = run_from_planted(config(COUNT | {"custom_rules": [rule]}), visited_hour())
    assert bucket_at(results, PLANTED)["anomaly_score"] < 25
    assert [i for i in results.influencers if i["influencer_field_value"] == MALLORY] == []


@cache
def risen(*actions, by=25):
    """Values rise for good; a rule with these actions names everything since. Also where the model ends up."""
    rows = world(hosts=("sick",))
    rows.numbers["value"] = [
        value + by * (time >= PLANTED) for time, value in zip(rows.time, rows.numbers["value"], strict=True)
    ]
    rules = [{"actions": list(actions), "conditions": [condition("time", "gte", PLANTED)]}] if actions else []
    job = config(MEAN | {"custom_rules": rules}) | {"model_plot_config": {"enabled": True}}
    results = run_from_planted(job, rows.batch())
    return results, results.model_plots[-1]["model_median"]


def test_skip_result_hides_what_is_learnt_as_ever():
    results, median = risen("skip_result")
    assert [r for r in results.records if r["timestamp"] >= PLANTED * 1000] == []
    assert median == risen()[1] > risen(by=0)[1] + 10


def test_skip_model_update_shows_what_is_not_learnt():
    results, median = risen("skip_model_update")
    assert records_at(results, PLANTED)[0]["record_score"] >= 75
    assert median == pytest.approx(risen(by=0)[1], abs=8)


def test_both_actions_neither_show_nor_learn():
    results, median = risen("skip_result", "skip_model_update")
    assert [r for r in results.records if r["timestamp"] >= PLANTED * 1000] == []
    assert median == pytest.approx(risen(by=0)[1], abs=8)


def fair(start_ms, end_ms):
    return {"description": "fair", "start_time": start_ms, "end_time": end_ms}


def test_an_event_silences_its_buckets_and_is_named_in_them():
    events = [fair(PLANTED * 1000 + 5, (PLANTED + 60) * 1000)]
    results = run_from_planted(config(COUNT), visited().batch(), events=events)
    assert records_at(results, PLANTED) == []
    assert bucket_at(results, PLANTED)["anomaly_score"] == 0
    assert bucket_at(results, PLANTED)["scheduled_events"] == ["fair"]
    assert "scheduled_events" not in bucket_at(results, PLANTED + HOUR)


def test_what_happens_during_an_event_is_not_learnt():
    event = fair(PLANTED * 1000, (PLANTED + HOUR) * 1000)
    expected, results = run(config(COUNT), world(days=12)), run(config(COUNT), visited(12, 4000), events=[event])
    later = (PLANTED + DAY) * 1000
    left, right = (
        {(r["timestamp"], r["partition_field_value"]): r["record_score"] for r in x.records if r["timestamp"] >= later}
        for x in (expected, results)
    )
    assert all(left.get(key, 0.0) == pytest.approx(right.get(key, 0.0), abs=25) for key in {*left, *right})
    assert max(right.values(), default=0) < 75


def clocks_changed():
    """A steep hourly rhythm that comes an hour earlier from the planted day on."""
    random, rows = np.random.default_rng(4), Rows()
    change = PLANTED // DAY * DAY
    for hour in range(DAYS * 24):
        time = START + hour * HOUR
        local = (hour + (time >= change)) % 24
        level = 300 if 8 <= local < 16 else 40
        rows.add(
            time + random.integers(0, HOUR, 3), host="sick", numbers={"value": random.normal(level, 5, 3).tolist()}
        )
    return rows, change


def loudest_after(results, time):
    return max((r["record_score"] for r in results.records if r["timestamp"] >= time * 1000), default=0)


def test_a_change_of_clocks_is_an_anomaly_unless_announced():
    rows, change = clocks_changed()
    assert loudest_after(run(config(MEAN), rows), change) >= 75
    event = fair(change * 1000, (change + HOUR) * 1000) | {
        "skip_result": False,
        "skip_model_update": False,
        "force_time_shift": 3600,
    }
    assert loudest_after(run(config(MEAN), rows, events=[event]), change) < 50


def test_a_rule_can_announce_it_once():
    rows, change = clocks_changed()
    rule = {
        "actions": ["force_time_shift"],
        "params": {"force_time_shift": {"time_shift_amount": 3600}},
        "conditions": [condition("time", "gte", change)],
    }
    assert loudest_after(run(config(MEAN | {"custom_rules": [rule]}), rows), change) < 50
