"""Scores mean what users know: lone or lasting, first or tenth, young or old, one detector or several."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine import JobEngine, JobSpec
from tests.engine.planted import DAY, HOUR, MALLORY, PLANTED, START, config, records_at, run, top_score, world


def burst(rows, start, events, *, value=100.0, **columns):
    """Mallory's events, spread over an hour."""
    text = {"host": "sick", "user": MALLORY, "word": "word01"} | columns
    rows.add(start + np.arange(events) * HOUR // events, numbers={"value": value}, **text)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_lone_spike_is_a_matter_of_its_bucket_a_lasting_rise_of_several(seed):
    lone = world(hosts=("sick",), seed=seed)
    burst(lone, PLANTED, 400)
    job = config({"function": "high_count"})
    assert records_at(run(job, lone), PLANTED)[0]["multi_bucket_impact"] < 0
    lasting = world(hosts=("sick",), seed=seed)
    for hour in range(6):
        burst(lasting, PLANTED + hour * HOUR, 45)
    during = [r for r in run(job, lasting).records if 0 <= r["timestamp"] // 1000 - PLANTED < 6 * HOUR]
    assert max(r["multi_bucket_impact"] for r in during) > 1
    assert max(r["record_score"] for r in during) >= 50


def test_what_comes_every_day_loses_its_alarm():
    rows = world(hosts=("sick",), days=26)
    for day in range(16, 26):
        burst(rows, START + day * DAY + day * 5 % 24 * HOUR, 150)
    scores = [r["record_score"] for r in run(config({"function": "count"}), rows).records if r["actual"][0] > 150]
    assert scores[0] >= 75
    assert max(scores[3:], default=0) < 50


def test_a_young_series_does_not_shout():
    rows = world(days=3, hosts=("sick",))
    first, later = START + 30 * HOUR, START + 44 * HOUR
    for time in (first, later):
        burst(rows, time, 400)
    results = run(config({"function": "count"}), rows)
    assert all(record["record_score"] < 100 for record in results.records)
    assert not [r for r in results.records if r["timestamp"] < first * 1000]


def test_one_host_among_many_is_enough():
    rows = world(days=17, hosts=tuple(f"h{i:02d}" for i in range(12)), rate=20)
    burst(rows, PLANTED, 300, host="h07")
    results = run(config({"function": "count", "partition_field_name": "host"}), rows)
    (record,) = [r for r in records_at(results, PLANTED) if r["record_score"] >= 75]
    assert record["partition_field_value"] == "h07"
    (bucket,) = [b for b in results.buckets if b["timestamp"] == PLANTED * 1000]
    assert bucket["anomaly_score"] >= 75
    assert top_score(results, outside=[PLANTED]) < 90


def test_two_detectors_are_judged_apart_and_meet_in_the_bucket():
    rows = world()
    burst(rows, PLANTED, 400, value=np.nan)
    job = config(
        {"function": "count", "partition_field_name": "host"},
        {"function": "mean", "field_name": "value", "partition_field_name": "host"},
    )
    results = run(job, rows)
    loud = {r["detector_index"] for r in records_at(results, PLANTED) if r["record_score"] >= 75}
    assert loud == {0}
    (bucket,) = [b for b in results.buckets if b["timestamp"] == PLANTED * 1000]
    assert bucket["anomaly_score"] == max(i["anomaly_score"] for i in bucket["bucket_influencers"]) >= 75


def test_first_scores_are_kept_when_later_ones_change():
    rows = world(hosts=("sick",), days=20)
    for day, events in ((10, 60), (15, 120), (18, 900)):
        burst(rows, START + day * DAY + 10 * HOUR, events)
    results = run(config({"function": "count"}), rows)
    assert all(r["record_score"] == r["initial_record_score"] for r in results.records)
    written = {(r["timestamp"]): r["initial_record_score"] for r in results.records}
    changed = [update for update in results.rescored if update.kind == "record"]
    assert all(update.identity["timestamp"] in written for update in changed)
    assert all(0 <= update.score <= 100 for update in results.rescored)


def test_a_missing_influencer_is_not_blamed():
    rows = world(hosts=("sick",))
    burst(rows, PLANTED, 400, user=None)
    (record,) = records_at(run(config({"function": "count"}), rows), PLANTED)
    assert record["record_score"] >= 75
    named = {i["influencer_field_name"]: i["influencer_field_values"] for i in record["influencers"]}
    assert named == {"host": ["sick"]}


def test_a_healthy_month_has_at_most_one_critical_record_a_series():
    results = run(config({"function": "mean", "field_name": "value", "partition_field_name": "host"}), world(days=30))
    for host in ("sick", "well"):
        critical = [r for r in results.records if r["record_score"] >= 75 and r["partition_field_value"] == host]
        assert len(critical) <= 1


def test_an_engine_without_rows_has_nothing_to_say():
    engine = JobEngine(JobSpec.from_config(config({"function": "count"})))
    results = engine.flush(advance_to=PLANTED, calc_interim=True)
    assert results.buckets == results.records == []
