"""Options of a job change what is found as documented: rules, events, latency, nulls, summaries, interim, plots."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from proxy.engine import Batch, Column, JobEngine, JobSpec
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
    records_at,
    run,
    top_score,
    world,
)

COUNT = {"function": "count", "partition_field_name": "host"}


def visit(rows, count=400, **text):
    """Mallory's events of the planted hour."""
    columns = {"host": "sick", "user": MALLORY, "word": "word01"} | text
    rows.add(PLANTED + np.arange(count) * HOUR // count, numbers={"value": 100.0}, **columns)


def visited(**options):
    rows = world(**options)
    visit(rows)
    return rows


def part(batch, rows):
    """A slice of a batch."""
    text = {name: Column(column.codes[rows], column.values) for name, column in batch.text.items()}
    return Batch(batch.time[rows], text, {name: values[rows] for name, values in batch.numbers.items()})


@pytest.mark.parametrize(("latency", "is_found"), [("0s", False), ("2h", True)])
def test_latency_waits_for_late_rows(latency, is_found):
    punctual, late = world(hosts=("sick",)).batch(), Rows()
    visit(late)
    engine = JobEngine(JobSpec.from_config(config({"function": "count"}, latency=latency)))
    seen = int(np.searchsorted(punctual.time, PLANTED + HOUR + 1800))
    results = engine.add(part(punctual, slice(0, seen)))
    results.extend(engine.add(late.batch()))
    results.extend(engine.add(part(punctual, slice(seen, None))))
    assert results.out_of_order == (0 if is_found else 400)
    assert bool(records_at(results, PLANTED)) == is_found


def test_chunks_do_not_matter():
    batch = visited().batch()
    whole = JobEngine(JobSpec.from_config(config(COUNT)))
    expected = whole.add(batch)
    engine = JobEngine(JobSpec.from_config(config(COUNT)))
    results = engine.add(part(batch, slice(0, 0)))
    for start in range(0, len(batch.time), 3001):
        results.extend(engine.add(part(batch, slice(start, start + 3001))))
        engine = JobEngine(engine.spec, engine.state())
    end = START + 14 * DAY
    expected.extend(whole.flush(advance_to=end))
    results.extend(engine.flush(advance_to=end))
    assert results.records == expected.records
    assert results.buckets == expected.buckets
    assert engine.state() == whole.state()


def test_pre_summarised_rows_count_for_many():
    counts = Counter()
    plain = world(hosts=("sick",))
    for time, user in zip(plain.time, plain.text["user"], strict=True):
        counts[time // 300 * 300, user] += 1
    rows = Rows()
    for (time, user), count in sorted(counts.items()):
        rows.add(time, host="sick", user=user, numbers={"n": float(count)})
    rows.add(PLANTED + 10, host="sick", user=MALLORY, numbers={"n": 400.0})
    results = run(config({"function": "count"}, summary_count_field_name="n"), rows)
    (record,) = records_at(results, PLANTED)
    assert record["record_score"] >= 75
    assert blamed(record, "user") == [MALLORY]
    assert bucket_at(results, PLANTED)["event_count"] == record["actual"][0] > 400


@pytest.mark.parametrize("use_null", [False, True])
def test_rows_without_the_by_field_count_only_if_asked_for(use_null):
    rows = world(hosts=("sick",))
    rows.add(START + np.arange(DAYS * 24) * HOUR + 5, host="sick", word="w", numbers={"value": 100.0})
    visit(rows, user=None)
    results = run(config({"function": "count", "by_field_name": "user", "use_null": use_null}), rows)
    found = [(r["by_field_value"], r["record_score"] >= 75) for r in records_at(results, PLANTED)]
    assert found == ([("", True)] if use_null else [])


@cache
def crowd_results(exclude):
    rows = world(hosts=("sick",))
    visit(rows, 500, user="ann")
    visit(rows, 500, user="newcomer")
    detector = {"function": "count", "over_field_name": "user", "exclude_frequent": exclude}
    return run(config(detector), rows)


@pytest.mark.parametrize(
    ("exclude", "people"),
    [
        ("none", {"ann", "newcomer"}),
        ("by", {"ann", "newcomer"}),
        ("over", {"newcomer"}),
        ("all", {"newcomer"}),
    ],
)
def test_exclude_frequent_leaves_out_who_is_always_there(exclude, people):
    critical = {r["over_field_value"] for r in records_at(crowd_results(exclude), PLANTED) if r["record_score"] >= 75}
    assert critical == people


def test_interim_results_wait_for_the_rest_of_the_bucket_but_not_for_a_flood():
    rows = world(hosts=("sick",)).batch()
    engine = JobEngine(JobSpec.from_config(config({"function": "count"})))
    engine.add(part(rows, slice(0, int(np.searchsorted(rows.time, PLANTED + 1800)))))
    half = engine.flush(calc_interim=True)
    assert half.records == []
    assert [(b["is_interim"], b["timestamp"]) for b in half.buckets] == [(True, PLANTED * 1000)]
    flood = Rows()
    visit(flood, 800)
    engine.add(flood.batch())
    (record,) = engine.flush(calc_interim=True).records
    assert record["is_interim"]
    assert record["record_score"] >= 75


def test_interim_results_leave_no_trace():
    rows = visited(hosts=("sick",)).batch()
    quiet, asked = (JobEngine(JobSpec.from_config(config({"function": "count"}))) for _ in range(2))
    cut = int(np.searchsorted(rows.time, PLANTED + 1800))
    expected = quiet.add(part(rows, slice(0, cut)))
    results = asked.add(part(rows, slice(0, cut)))
    asked.flush(calc_interim=True)
    expected.extend(quiet.add(part(rows, slice(cut, None))))
    results.extend(asked.add(part(rows, slice(cut, None))))
    assert results.records == expected.records
    assert quiet.state() == asked.state()


def test_plots_bound_nearly_all_values_of_a_healthy_series():
    job = config(COUNT) | {"model_plot_config": {"enabled": True}}
    plots = [p for p in run(job, world()).model_plots if p["timestamp"] > (START + 7 * DAY) * 1000]
    assert {p["partition_field_value"] for p in plots} == {"sick", "well"}
    inside = [p["model_lower"] <= p["actual"] <= p["model_upper"] for p in plots]
    assert 0.9 < np.mean(inside) < 1.0
    assert all(0 <= p["model_lower"] <= p["model_median"] <= p["model_upper"] for p in plots)


def test_plots_can_be_limited_to_some_series():
    job = config(COUNT) | {"model_plot_config": {"enabled": True, "terms": "well"}}
    assert {p["partition_field_value"] for p in run(job, world(days=4)).model_plots} == {"well"}


def test_a_lasting_shift_is_critical_and_then_the_new_normal():
    rows = world(days=17, hosts=("sick",))
    rows.numbers["value"] = [
        value + 25 * (time >= PLANTED) for time, value in zip(rows.time, rows.numbers["value"], strict=True)
    ]
    results = run(config({"function": "mean", "field_name": "value"}), rows)
    assert records_at(results, PLANTED)[0]["record_score"] >= 75
    late = [r["record_score"] for r in results.records if r["timestamp"] >= (PLANTED + 2 * DAY) * 1000]
    assert max(late, default=0) < 50


def test_the_bucket_knows_how_unusual_it_is_beside_others():
    results = run(config(COUNT), visited())
    assert bucket_at(results, PLANTED)["anomaly_score"] == max(b["anomaly_score"] for b in results.buckets)
    assert top_score(results, partition_field_value="well") < 75
