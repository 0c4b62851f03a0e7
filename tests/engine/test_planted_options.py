"""Options of a job change what is found as documented; rules and events have a file of their own."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from proxy.engine import JobEngine
from proxy.job_config.engine_spec import spec_from
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
    top_score,
    world,
)

COUNT = {"function": "count", "partition_field_name": "host"}


def visit(rows, count=400, value=100.0, **text):
    """Mallory's events of the planted hour."""
    columns = {"host": "sick", "user": MALLORY, "word": "word01"} | text
    rows.add(PLANTED + np.arange(count) * HOUR // count, numbers={"value": value}, **columns)


def visited(**options):
    rows = world(**options)
    visit(rows)
    return rows


@pytest.mark.parametrize(("latency", "is_found"), [("0s", False), ("2h", True)])
def test_latency_waits_for_late_rows(latency, is_found):
    punctual, late = world(hosts=("sick",)).batch(), Rows()
    visit(late)
    engine = JobEngine(spec_from(config({"function": "count"}, latency=latency)))
    seen = int(np.searchsorted(punctual.time, PLANTED + HOUR + 1800))
    results = engine.add(part_of(punctual, slice(0, seen)))
    results.extend(engine.add(late.batch()))
    results.extend(engine.add(part_of(punctual, slice(seen, None))))
    assert results.out_of_order == (0 if is_found else 400)
    assert bool(records_at(results, PLANTED)) == is_found


def test_chunks_do_not_matter():
    batch = visited().batch()
    whole = JobEngine(spec_from(config(COUNT)))
    expected = whole.add(batch)
    engine = JobEngine(spec_from(config(COUNT)))
    results = engine.add(part_of(batch, slice(0, 0)))
    for start in range(0, len(batch.time), 3001):
        results.extend(engine.add(part_of(batch, slice(start, start + 3001))))
        engine = JobEngine(engine.spec, engine.state())
    end = START + 12 * DAY
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


def test_a_summarised_mean_weighs_each_value_by_its_count():
    rows = Rows()
    hours = START + np.arange(DAYS * 24) * HOUR
    noise = np.random.default_rng(2).normal(0, 1, (2, len(hours)))
    rows.add(hours, host="sick", user="ann", numbers={"n": 90.0, "value": (100 + noise[0]).tolist()})
    rows.add(hours + 1, host="sick", user="bob", numbers={"n": 10.0, "value": (200 + noise[1]).tolist()})
    rows.add(PLANTED + 2, host="sick", user=MALLORY, numbers={"n": 100.0, "value": 160.0})
    detector = {"function": "mean", "field_name": "value"}
    (record,) = records_at(run(config(detector, summary_count_field_name="n"), rows), PLANTED)
    assert record["record_score"] >= 75
    assert record["typical"][0] == pytest.approx(110, abs=1)
    assert record["actual"][0] == pytest.approx(135, abs=1)
    assert blamed(record, "user") == [MALLORY]


@pytest.mark.parametrize("use_null", [False, True])
@pytest.mark.parametrize("role", ["by", "partition", "over"])
@pytest.mark.parametrize("nobody", [None, ""])
def test_rows_without_by_or_over_field_count_if_asked_for_and_those_without_a_partition_always(role, use_null, nobody):
    rows = world(hosts=("sick",))
    rows.add(START + np.arange(DAYS * 24) * HOUR + 5, host="sick", user=nobody, word="w", numbers={"value": 100.0})
    visit(rows, user=nobody)
    detector = {"function": "count", f"{role}_field_name": "user", "use_null": use_null}
    found = [
        (record[f"{role}_field_value"], blamed(record, "host"))
        for record in records_at(run(config(detector), rows), PLANTED)
        if record["record_score"] >= 75
    ]
    assert found == ([("", ["sick"])] if use_null or role == "partition" else [])


@cache
def crowd_results(over):
    """Two users do far too much with a word of their own: ann, who is always there, and a newcomer."""
    rows = world(hosts=("sick",))
    for user, word in (("ann", "word01"), ("newcomer", "news")):
        visit(rows, 500, user=user, word=word)
    split = {"over_field_name": "user", "by_field_name": "word"} if over else {"by_field_name": "user"}
    return run(
        config(*({"function": "count", "exclude_frequent": how} | split for how in ("none", "by", "over", "all"))), rows
    )


@pytest.mark.parametrize(
    ("how", "people"),
    [("none", {"ann"}), ("by", set()), ("over", set()), ("all", set())],
)
def test_exclude_frequent_leaves_out_people_and_attributes_always_there(how, people):
    index = ["none", "by", "over", "all"].index(how)
    records = records_at(crowd_results(True), PLANTED, detector_index=index)
    assert {r["over_field_value"] for r in records if r["record_score"] >= 75} == people


@pytest.mark.parametrize(("how", "people"), [("none", {"ann"}), ("by", set()), ("over", {"ann"}), ("all", set())])
def test_exclude_frequent_leaves_out_series_always_there(how, people):
    index = ["none", "by", "over", "all"].index(how)
    records = records_at(crowd_results(False), PLANTED, detector_index=index)
    assert {r["by_field_value"] for r in records if r["record_score"] >= 75} == people


@pytest.mark.parametrize(("how", "people"), [("none", {"ann", "newcomer"}), ("over", {"newcomer"})])
def test_exclude_frequent_leaves_newcomers_in(how, people):
    rows = world(hosts=("sick",))
    visit(rows, 500, user="ann")
    visit(rows, 500, user="newcomer")
    detector = {"function": "count", "over_field_name": "user", "exclude_frequent": how}
    records = records_at(run(config(detector), rows), PLANTED)
    assert {r["over_field_value"] for r in records if r["record_score"] >= 75} == people


def test_multivariate_by_fields_changes_nothing():
    plain, multivariate = (run(config(COUNT, **extra), visited()) for extra in ({}, {"multivariate_by_fields": True}))
    assert (multivariate.records, multivariate.buckets) == (plain.records, plain.buckets)


def test_a_field_of_no_detector_and_one_of_no_row_can_be_influencers():
    results = run(config(COUNT, influencers=["word", "planet"]), visited())
    (record,) = records_at(results, PLANTED)
    assert record["influencers"] == [{"influencer_field_name": "word", "influencer_field_values": ["word01"]}]
    assert {i["influencer_field_name"] for i in results.influencers} == {"word"}
    names = [i["influencer_field_name"] for i in bucket_at(results, PLANTED)["bucket_influencers"]]
    assert names == ["word", "bucket_time"]


def test_without_influencers_the_bucket_speaks_for_its_time_alone():
    results = run(config(COUNT, influencers=[]), visited())
    assert "influencers" not in records_at(results, PLANTED)[0]
    (only,) = bucket_at(results, PLANTED)["bucket_influencers"]
    assert only["influencer_field_name"] == "bucket_time"
    assert only["anomaly_score"] == bucket_at(results, PLANTED)["anomaly_score"] >= 75


def test_interim_results_wait_for_the_rest_of_the_bucket_but_not_for_a_flood():
    rows = world(hosts=("sick",)).batch()
    engine = JobEngine(spec_from(config({"function": "count"})))
    engine.add(part_of(rows, slice(0, int(np.searchsorted(rows.time, PLANTED + 1800)))))
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
    quiet, asked = (JobEngine(spec_from(config({"function": "count"}))) for _ in range(2))
    cut = int(np.searchsorted(rows.time, PLANTED + 1800))
    expected = quiet.add(part_of(rows, slice(0, cut)))
    results = asked.add(part_of(rows, slice(0, cut)))
    asked.flush(calc_interim=True)
    expected.extend(quiet.add(part_of(rows, slice(cut, None))))
    results.extend(asked.add(part_of(rows, slice(cut, None))))
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


@cache
def lasting_shift(**plot):
    """A steady value that moves for good."""
    times = START + np.arange(14 * 24) * HOUR
    values = 100 + np.random.default_rng(0).normal(0, 1, len(times)) + 25 * (times >= PLANTED)
    rows = Rows()
    rows.add(times, host="sick", numbers={"value": values.tolist()})
    detector = {"function": "mean", "field_name": "value", "by_field_name": "host"}
    return run(config(detector) | {"model_plot_config": plot}, rows)


def test_a_lasting_shift_is_critical_and_then_the_new_normal():
    results = lasting_shift()
    assert records_at(results, PLANTED)[0]["record_score"] >= 75
    late = [r["record_score"] for r in results.records if r["timestamp"] >= (PLANTED + 2 * DAY) * 1000]
    assert max(late, default=0) < 50


@pytest.mark.parametrize(
    ("plot", "is_told"),
    [
        ({}, False),
        ({"enabled": True}, True),
        ({"enabled": True, "annotations_enabled": False}, False),
        ({"enabled": False, "annotations_enabled": True}, True),
    ],
)
def test_a_shift_is_annotated_where_annotations_are_on(plot, is_told):
    notes = [n for n in lasting_shift(**plot).annotations if n["timestamp"] >= PLANTED * 1000]
    assert len(notes) == is_told
    for note in notes:
        assert note["annotation"].startswith("Level shift of 2")
        assert (note["event"], note["detector_index"], note["by_field_value"]) == ("model_change", 0, "sick")
        assert PLANTED * 1000 < note["timestamp"] <= (PLANTED + 2 * DAY) * 1000


@pytest.mark.parametrize(
    ("function", "is_silence_found"), [("count", True), ("non_zero_count", False), ("mean", False), ("sum", True)]
)
def test_a_gap_is_silence_only_to_what_counts_it_and_no_excuse_afterwards(function, is_silence_found):
    rows = world(hosts=("sick",))
    start = PLANTED - 3 * DAY
    rows.drop((np.array(rows.time) >= start) & (np.array(rows.time) < start + DAY))
    visit(rows, value=400.0)
    field = {} if "count" in function else {"field_name": "value"}
    results = run(config({"function": function} | field), rows)
    during = [r for r in results.records if start <= r["timestamp"] // 1000 < start + DAY and r["record_score"] >= 50]
    assert bool(during) == is_silence_found
    between = [r for r in results.records if start + DAY <= r["timestamp"] // 1000 < PLANTED]
    assert max((r["record_score"] for r in between), default=0) < 75
    (record,) = records_at(results, PLANTED)
    assert record["record_score"] >= 75
    assert blamed(record, "user") == [MALLORY]


def test_skipped_time_is_no_silence():
    rows = world(hosts=("sick",)).batch()
    engine = JobEngine(spec_from(config({"function": "low_count"})))
    cut = int(np.searchsorted(rows.time, PLANTED))
    results = engine.add(part_of(rows, slice(0, cut)))
    results.extend(engine.flush(skip_to=PLANTED + DAY))
    results.extend(engine.add(part_of(rows, slice(int(np.searchsorted(rows.time, PLANTED + DAY)), None))))
    assert [b for b in results.buckets if PLANTED <= b["timestamp"] // 1000 < PLANTED + DAY] == []
    assert [r for r in results.records if r["timestamp"] >= PLANTED * 1000 and r["record_score"] >= 50] == []


def test_a_host_gone_for_the_prune_window_starts_anew():
    rows = world(hosts=("sick", "well"))
    rows.drop((np.array(rows.time) >= PLANTED - 5 * DAY) & np.array([h == "sick" for h in rows.text["host"]]))
    rows.add(PLANTED + np.arange(400), host="sick", user=MALLORY, word="w", numbers={"value": 900.0})
    detector = {"function": "mean", "field_name": "value", "by_field_name": "host"}
    for window, found in (("30d", ["sick"]), ("3d", [])):
        records = records_at(run(config(detector, model_prune_window=window), rows), PLANTED)
        assert [r["by_field_value"] for r in records if r["record_score"] >= 75] == found


def test_the_bucket_knows_how_unusual_it_is_beside_others():
    results = run(config(COUNT), visited())
    assert bucket_at(results, PLANTED)["anomaly_score"] == max(b["anomaly_score"] for b in results.buckets)
    assert top_score(results, partition_field_value="well") < 80


@pytest.mark.parametrize("terms", ["", "ann"])
def test_plots_of_a_population_show_everybody_within_common_bounds(terms):
    detector = {"function": "count", "over_field_name": "user", "partition_field_name": "host"}
    job = config(detector) | {"model_plot_config": {"enabled": True, "terms": terms}}
    plots = [p for p in run(job, visited()).model_plots if p["timestamp"] > (START + 5 * DAY) * 1000]
    assert {p["over_field_value"] for p in plots} == ({"ann"} if terms else {"ann", "bob", "cid", "dan", MALLORY})
    assert list(plots[0]) == [
        *("bucket_span", "detector_index", "timestamp"),
        *("partition_field_name", "partition_field_value", "over_field_name", "over_field_value"),
        *("model_feature", "model_lower", "model_upper", "model_median", "actual"),
    ]
    assert plots[0]["model_feature"] == "'count per bucket by person and attribute'"
    inside = [p["model_lower"] <= p["actual"] <= p["model_upper"] for p in plots]
    assert 0.85 < np.mean(inside) < 1.0
    assert [p["actual"] > p["model_upper"] for p in plots if p["over_field_value"] == MALLORY] == [True] * (not terms)


@pytest.mark.parametrize(("events", "is_found"), [(3, False), (60, True)])
def test_the_first_records_of_a_bucket_prove_nothing_of_its_mean(events, is_found):
    rows = world(hosts=("sick",))
    rows.drop(np.array(rows.time) >= PLANTED)
    rows.add(PLANTED + np.arange(events), host="sick", user="ann", word="w", numbers={"value": 130.0})
    engine = JobEngine(spec_from(config({"function": "mean", "field_name": "value"})))
    engine.add(rows.batch())
    scores = [r["record_score"] for r in engine.flush(calc_interim=True).records]
    assert (max(scores, default=0) >= 75) == is_found
    assert is_found or max(scores, default=0) < 25
