"""Scores mean what users know: lone or lasting, first or tenth, young or old, one detector or several."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proxy.engine import JobEngine
from proxy.engine.normalise import LN_FROM, Normaliser
from proxy.job_config.engine_spec import spec_from
from tests.engine.planted import (
    DAY,
    HOUR,
    MALLORY,
    PLANTED,
    START,
    Rows,
    bucket_at,
    config,
    influencers_at,
    records_at,
    run,
    world,
)


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
    rows = world(hosts=("sick",), days=31)
    for day in range(16, 31):
        burst(rows, START + day * DAY + day * 5 % 24 * HOUR, 150)
    scores = [r["record_score"] for r in run(config({"function": "count"}), rows).records if r["actual"][0] > 150]
    assert scores[0] >= 75
    assert max(scores[4:], default=0) < 75
    assert max(scores[7:], default=0) < 70
    assert max(scores[9:], default=0) < 35
    assert max(scores[10:], default=0) < 25


def test_a_young_series_does_not_shout():
    rows = world(days=3, hosts=("sick",))
    first, later = START + 30 * HOUR, START + 44 * HOUR
    for time in (first, later):
        burst(rows, time, 400)
    results = run(config({"function": "count"}), rows)
    assert all(record["record_score"] < 100 for record in results.records)
    assert not [r for r in results.records if r["timestamp"] < first * 1000]


@pytest.mark.parametrize(("hosts", "is_heard"), [(("sick",), False), (("sick", "well"), True)])
def test_neither_do_its_bucket_and_its_influencers_unless_others_do(hosts, is_heard):
    rows = world(days=6, hosts=("well",))
    later = world(days=6, hosts=("sick",), seed=2)
    later.drop(np.array(later.time) < START + 4 * DAY)
    rows.add(later.time, **later.text, numbers=later.numbers)
    time = START + 5 * DAY + 16 * HOUR
    for host in hosts:
        burst(rows, time, 400, host=host)
    results = run(config({"function": "count", "by_field_name": "host"}, influencers=("host",)), rows)
    (young,) = records_at(results, time, by_field_value="sick")
    loudest = max(record["record_score"] for record in records_at(results, time))
    assert young["record_score"] < 95
    assert (loudest >= 95) == is_heard
    # What tells ties apart is no more than a fifth of a point.
    assert bucket_at(results, time)["anomaly_score"] <= loudest + 0.2
    assert {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(results, time)}["sick"] < 95


def test_one_host_among_many_is_enough():
    rows = world(days=17, hosts=tuple(f"h{i:02d}" for i in range(12)), rate=20)
    burst(rows, PLANTED, 300, host="h07")
    results = run(config({"function": "count", "partition_field_name": "host"}), rows)
    (record,) = [r for r in records_at(results, PLANTED) if r["record_score"] >= 75]
    assert record["partition_field_value"] == "h07"
    (bucket,) = [b for b in results.buckets if b["timestamp"] == PLANTED * 1000]
    assert bucket["anomaly_score"] >= 75
    others = [r for r in results.records if r["timestamp"] != PLANTED * 1000 and r["record_score"] >= 75]
    # One in a month of each host is what chance does.
    assert len(others) <= 12 * 17 / 30


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


@cache
def growing(days):
    """Ever larger bursts; `days` of renormalisation."""
    rows = world(hosts=("sick",), days=20)
    for day, events in ((10, 60), (15, 120), (18, 900)):
        burst(rows, START + day * DAY + 10 * HOUR, events)
    return run(config({"function": "count"}) | {"renormalization_window_days": days}, rows)


def test_first_scores_are_kept_when_later_ones_change():
    results = growing(30)
    assert all(r["record_score"] == r["initial_record_score"] for r in results.records)
    assert all(b["anomaly_score"] == b["initial_anomaly_score"] for b in results.buckets)
    assert all(i["influencer_score"] == i["initial_influencer_score"] for i in results.influencers)
    initial = {r["timestamp"]: r["initial_record_score"] for r in results.records}
    lowered = {u.identity["timestamp"]: u.score for u in results.rescored if u.kind == "record"}
    first = (START + 10 * DAY + 10 * HOUR) * 1000
    assert lowered[first] < initial[first] - 10
    assert {u.kind for u in results.rescored} == {"record", "influencer", "bucket_influencer"}
    assert all(0 <= update.score <= 100 for update in results.rescored)


def test_only_results_within_the_renormalisation_window_change():
    first, second = ((START + day * DAY + 10 * HOUR) * 1000 for day in (10, 15))
    wide, narrow = ({u.identity["timestamp"] for u in growing(n).rescored if u.kind == "record"} for n in (30, 4))
    assert {first, second} <= wide
    assert second in narrow
    assert first not in narrow


def test_each_partition_has_a_scale_of_its_own():
    rows = world(hosts=("huge", "small"), days=17)
    burst(rows, START + 12 * DAY + 10 * HOUR, 4000, host="huge")
    for host in ("huge", "small"):
        burst(rows, START + 16 * DAY + 14 * HOUR, 45, host=host)
    job = config({"function": "high_count", "partition_field_name": "host"})
    found = records_at(run(job, rows), START + 16 * DAY + 14 * HOUR)
    scores = {r["partition_field_value"]: r["record_score"] for r in found}
    assert scores["small"] >= 75
    assert scores.get("huge", 0) < scores["small"] - 5


@cache
def sizes():
    """Means three, four and a half and nine deviations off, each at four of twelve hosts."""
    random, rows, times = np.random.default_rng(11), Rows(), {}
    hours = START + np.arange(17 * 24) * HOUR
    for number in range(12):
        values = random.normal(100, 5, len(hours))
        at = 16 * 24 + 2 + number
        off = (3.0, 4.5, 9.0)[number % 3]
        values[at] = 100 + 5 * off
        times[f"h{number:02d}"] = (off, int(hours[at]))
        rows.add(hours, host=f"h{number:02d}", numbers={"value": values.tolist()})
    results = run(config({"function": "mean", "field_name": "value", "partition_field_name": "host"}), rows)
    scores = {off: [] for off in (3.0, 4.5, 9.0)}
    for host, (off, time) in times.items():
        found = records_at(results, time, partition_field_value=host)
        scores[off].append(found[0]["initial_record_score"] if found else 0.0)
    return scores


@pytest.mark.parametrize(("off", "least", "most"), [(3.0, 0, 50), (4.5, 25, 100), (9.0, 75, 100)])
def test_severity_follows_the_size(off, least, most):
    assert least <= np.median(sizes()[off]) <= most


@pytest.mark.parametrize(
    ("ln_p", "score"), [(np.log(0.04), 8), (np.log(1e-2), 30), (np.log(1e-3), 65), (np.log(1e-4), 100), (-60.0, 100)]
)
def test_without_a_history_the_absolute_ceiling_decides(ln_p, score):
    assert Normaliser("record", HOUR, 30 * DAY).score(START, ln_p, "") == pytest.approx(score, abs=6)


def experienced(sizes_of_bucket):
    """A normaliser that has seen 400 buckets of these sizes, one a call."""
    normaliser = Normaliser("record", HOUR, 30 * DAY)
    for bucket in range(400):
        size = sizes_of_bucket(bucket)
        normaliser.observe(START + bucket * HOUR, {"": size} if size else {})
    return normaliser


def scored(normaliser, size, scope=""):
    return normaliser.score(START + 400 * HOUR, LN_FROM - size, scope)


def test_what_is_always_there_is_noise_until_it_stands_out():
    noisy = experienced(lambda bucket: 6.0 + bucket % 3)
    assert scored(noisy, 7.0) < 5
    assert scored(noisy, 60.0) >= 75


def test_what_happens_now_and_then_is_judged_by_its_rank():
    regular = experienced(lambda bucket: 8.0 if bucket % 20 == 0 else 0.0)
    rare = experienced(lambda bucket: 8.0 if bucket == 5 else 0.0)
    assert scored(regular, 7.9) < 25
    assert scored(rare, 7.9) > 60


def test_beside_the_largest_of_a_scope_others_lose_a_tenth():
    normaliser = Normaliser("record", HOUR, 30 * DAY)
    for bucket in range(400):
        normaliser.observe(START + bucket * HOUR, {"huge": 100.0} if bucket == 390 else {})
    assert scored(normaliser, 10.0, "huge") == pytest.approx(91, abs=1)
    assert scored(normaliser, 10.0, "small") >= 75


@pytest.mark.parametrize("nobody", [None, ""])
def test_a_missing_influencer_is_not_blamed(nobody):
    rows = world(hosts=("sick",))
    burst(rows, PLANTED, 400, user=nobody)
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
    engine = JobEngine(spec_from(config({"function": "count"})))
    results = engine.flush(advance_to=PLANTED, calc_interim=True)
    assert results.buckets == results.records == []


def test_one_severe_record_among_quiet_detectors_is_seen_in_its_bucket():
    rows = world()
    rows.add(PLANTED + 5, host="sick", user=MALLORY, word="word01", numbers={"value": 100.0})
    quiet = [{"function": f, "field_name": "value", "partition_field_name": "host"} for f in ("mean", "min", "max")]
    results = run(config(*quiet, {"function": "rare", "by_field_name": "user"}), rows)
    (record,) = [r for r in records_at(results, PLANTED) if r["record_score"] >= 60]
    assert record["function"] == "rare"
    bucket = bucket_at(results, PLANTED)
    assert bucket["anomaly_score"] >= 25
    assert bucket["anomaly_score"] > np.quantile([b["anomaly_score"] for b in results.buckets], 0.98)
    scores = {i["influencer_field_name"]: i["anomaly_score"] for i in bucket["bucket_influencers"]}
    assert scores["user"] >= 25
