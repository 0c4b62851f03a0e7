"""JobEngine: the promises that hold whatever the detector."""

from __future__ import annotations

from functools import cache
from itertools import cycle, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine import ForecastRefused, JobEngine, Results, StateError
from proxy.engine.functions import PUBLIC_NAMES
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import (
    ALL_FUNCTIONS,
    DAY,
    HOUR,
    OPTIONS,
    START,
    batch,
    busy_rows,
    config,
    dump,
    engine,
    examples,
    forecast_documents,
    hourly,
    part,
    run,
)

BY = {"by_field_name": "host"}
EVERYTHING = [*ALL_FUNCTIONS, *OPTIONS]
every_detector = pytest.mark.parametrize("number", range(len(EVERYTHING)), ids=lambda i: names(EVERYTHING[i]))
# Six days of these are enough for every part of a model to have its say.
SPAN = 3 * HOUR
FULL = {"span": f"{SPAN}s", "influencers": ["user", "host"], "latency": "1h", "model_plot_config": {"enabled": True}}


def names(detector):
    return "-".join(str(v) for k, v in detector.items() if k not in ("custom_rules", "field_name"))


def test_every_public_function_is_tried():
    tried = {d["function"] for d in ALL_FUNCTIONS}
    assert PUBLIC_NAMES - tried == {f for f in PUBLIC_NAMES if f.endswith(("nzc", "dc"))}


def rows_with_a_gap():
    rows = busy_rows()
    rows.time[-1] += 40 * HOUR
    return rows


@cache
def said_at_once(number):
    """What the job of a detector says of all rows given in one call."""
    return dump(run(engine(EVERYTHING[number], **FULL), rows_with_a_gap()))


@every_detector
def test_any_chunking_gives_the_same_results(number):
    job = engine(EVERYTHING[number], **FULL)
    assert dump(run(job, rows_with_a_gap(), cuts=[1, 2, 300, 301, 777])) == said_at_once(number)


@every_detector
def test_bounded_calls_give_the_results_of_unbounded_ones(number):
    job = engine(EVERYTHING[number], **FULL)
    assert dump(bounded(job, rows_with_a_gap(), cuts=[300, 777], bounds=[3, 1, 20])) == said_at_once(number)


@settings(max_examples=examples(8, 30), deadline=None)
@given(
    cuts=st.lists(st.integers(0, 400), max_size=4).map(sorted),
    bounds=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    gap=st.integers(0, 60),
    latency=st.sampled_from(["0s", "1h", "5h"]),
)
def test_no_bound_on_a_step_changes_its_results(cuts, bounds, gap, latency):
    rows = busy_rows(size=400, days=3)
    rows.time[200:] += gap * HOUR
    options = {"latency": latency, "categorization_field_name": "message", "influencers": ["user"]}
    detectors = (
        {"function": "mean", "field_name": "value", "by_field_name": "host"},
        {"function": "count", "over_field_name": "user"},
        {"function": "rare", "by_field_name": "mlcategory"},
    )
    whole, parts = (engine(*detectors, **options) for _ in range(2))
    assert dump(bounded(parts, rows, cuts, bounds)) == dump(run(whole, rows, cuts))
    assert parts.state() == whole.state()


def test_a_far_timestamp_costs_one_call_no_more_than_its_bound():
    job = engine({"function": "count"})
    job.add(batch([START]))
    first = job.add(batch([START + 20 * 365 * DAY]), max_buckets=100)
    assert (first.bucket_count, job.has_more) == (100, True)
    restored = JobEngine(job.spec, job.state())
    assert restored.has_more
    assert restored.advance(50).bucket_count == 50
    assert restored.last_finalized_bucket_end == START + 150 * HOUR


def bounded(job, whole, cuts, bounds):
    """What ``run`` gives, by steps of at most so many buckets in turn."""
    results, bounds = Results(), cycle(bounds)

    def take(step):
        results.extend(step)
        while job.has_more:
            results.extend(job.advance(next(bounds)))

    for a, b in pairwise([0, *cuts, len(whole.time)]):
        take(job.add(part(whole, slice(a, b)), max_buckets=next(bounds)))
    end = int(whole.time.max()) + job.spec.latency + job.spec.bucket_span
    take(job.flush(advance_to=end, max_buckets=next(bounds)))
    return results


@every_detector
def test_rows_of_a_bucket_may_come_in_any_order(number):
    rows, random = busy_rows(), np.random.default_rng(8)
    rows = part(rows, np.argsort(rows.time // SPAN, kind="stable"))
    shuffled = part(rows, np.lexsort((random.random(len(rows.time)), rows.time // SPAN)))
    options = {"span": f"{SPAN}s", "influencers": ["user", "host"]}
    one, other = (run(engine(EVERYTHING[number], **options), given) for given in (rows, shuffled))
    assert scores(other) == pytest.approx(scores(one), abs=1e-6)


def scores(results):
    """Score of every record and influencer by what it is about."""
    about = ("timestamp", "by_field_value", "over_field_value", "partition_field_value", "influencer_field_value")
    return {
        tuple(document.get(f) for f in about): document.get("record_score", document.get("influencer_score"))
        for document in (*results.records, *results.influencers)
    }


@every_detector
def test_a_restored_state_goes_on_bit_exactly(number):
    rows, straight = rows_with_a_gap(), engine(EVERYTHING[number], **FULL)
    results = straight.add(part(rows, slice(0, 700)))
    assert results.bucket_count > 0
    results.extend(run(JobEngine(straight.spec, straight.state()), part(rows, slice(700, None))))
    assert dump(results) == said_at_once(number)


@every_detector
def test_inputs_stay_untouched_and_hostile_values_do_no_harm(number):
    rows = busy_rows(size=300, days=3, seed=7)
    rows.numbers["value"][::7] = np.inf
    rows.numbers["value"][::11] = -1e300
    kept = part(rows, slice(None))
    before = [
        kept.time.copy(),
        *(c.codes.copy() for c in kept.text.values()),
        *(v.copy() for v in kept.numbers.values()),
    ]
    results = run(engine(EVERYTHING[number], influencers=["user"]), kept)
    after = [kept.time, *(c.codes for c in kept.text.values()), *kept.numbers.values()]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))
    assert "NaN" not in dump(results)


def test_categories_feed_detectors_whatever_the_chunking():
    options = {"categorization_field_name": "message", "influencers": ["mlcategory"]}
    detector = {"function": "count", "by_field_name": "mlcategory"}
    rows = busy_rows()
    results = run(engine(detector, **options), rows)
    assert dump(run(engine(detector, **options), rows, cuts=[5, 600])) == dump(results)
    assert {c["category_id"] for c in results.categories} >= {1, 2}


def test_rows_before_the_open_bucket_less_latency_are_counted_and_dropped():
    late = [START + 10 * HOUR, START + 9 * HOUR, START + 8 * HOUR - 1, START + 8 * HOUR]
    results = engine({"function": "count"}, latency="2h").add(batch(late))
    assert (results.processed, results.out_of_order) == (3, 1)


def test_an_empty_stretch_gives_empty_buckets():
    results = engine({"function": "count"}).add(batch([START, START + 5 * HOUR]))
    assert [b["event_count"] for b in results.buckets] == [1, 0, 0, 0, 0]
    assert results.empty_bucket_count == 4


def times_of(results):
    return [(b["timestamp"] // 1000, b["event_count"], b["is_interim"]) for b in results.buckets]


def test_skipping_time_finishes_the_open_bucket_and_models_nothing_in_between():
    job = engine({"function": "count"})
    results = job.add(batch([START, START + HOUR]))
    results.extend(job.flush(skip_to=START + 100 * HOUR))
    assert job.last_finalized_bucket_end == START + 100 * HOUR
    results.extend(job.add(batch([START + 99 * HOUR, START + 100 * HOUR, START + 101 * HOUR])))
    expected = [(START, 1, False), (START + HOUR, 1, False), (START + 100 * HOUR, 1, False)]
    assert times_of(results) == expected


@pytest.mark.parametrize("move", [{"skip_to": START + 7 * HOUR}, {"advance_to": START + 5 * HOUR}], ids=str)
def test_no_bucket_within_the_latency_is_lost_when_time_moves_on(move):
    job = engine({"function": "count"}, latency="2h")
    results = job.add(batch([START, START + 2 * HOUR + 5]))
    results.extend(job.flush(**move))
    assert times_of(results) == [(START, 1, False), (START + HOUR, 0, False), (START + 2 * HOUR, 1, False)]


@pytest.mark.parametrize(("skip_to", "is_skipped"), [(0, False), (2, True), (9, True), (HOUR, True)])
def test_skipping_to_within_the_open_bucket_goes_to_its_end(skip_to, is_skipped):
    job = engine({"function": "count"})
    job.add(batch([START + 5]))
    assert times_of(job.flush(skip_to=START + skip_to)) == ([(START, 1, False)] if is_skipped else [])
    assert job.last_finalized_bucket_end == (START + HOUR if is_skipped else None)


def test_time_that_was_advanced_over_is_not_finished_again_when_more_is_skipped():
    job = engine({"function": "count"})
    job.add(batch([START]))
    job.flush(advance_to=START + 2 * HOUR + 60)
    assert job.flush(skip_to=START + 9 * HOUR).bucket_count == 0


def test_advancing_time_closes_buckets_without_rows():
    job = engine({"function": "count"})
    job.add(batch([START]))
    assert job.flush(advance_to=START + 3 * HOUR).bucket_count == 3


def test_interim_results_change_nothing_learnt():
    rows = busy_rows()
    detector = {"function": "count", "by_field_name": "host"}
    quiet, asked = engine(detector), engine(detector)
    first, second = part(rows, slice(0, 900)), part(rows, slice(900, None))
    quiet.add(first)
    asked.add(first)
    interim = asked.flush(calc_interim=True)
    assert interim.buckets and all(b["is_interim"] for b in interim.buckets)
    assert dump(run(quiet, second)) == dump(run(asked, second))


def test_a_half_full_bucket_is_not_called_low():
    job = engine({"function": "low_count"})
    time = START + np.arange(0, 10 * DAY, 60)
    job.add(batch(time[:-30]))
    assert not job.flush(calc_interim=True).records


def test_a_burst_in_the_open_bucket_shows_as_interim():
    job = engine({"function": "high_count"})
    time = START + np.arange(0, 10 * DAY, 60)
    job.add(batch(np.concatenate([time, np.repeat(time[-1], 3000)])))
    records = job.flush(calc_interim=True).records
    assert records and records[0]["is_interim"] and records[0]["record_score"] > 50


def test_summary_counts_weigh_the_records():
    job = engine({"function": "count"}, summary_count_field_name="weight")
    results = run(job, batch([START, START + 1, START + HOUR], numbers={"weight": [3, 4, np.nan]}))
    assert [b["event_count"] for b in results.buckets] == [7, 0]


def test_summary_counts_are_whole_numbers_above_zero():
    job = engine({"function": "count"}, summary_count_field_name="weight")
    weights = [50, -3000, 2.5, 0.4, np.inf, -np.inf, 1e-9]
    results = run(job, batch([START] * len(weights) + [START + HOUR], numbers={"weight": [*weights, 1]}))
    assert results.buckets[0]["event_count"] == 53


def test_the_open_bucket_is_shown_as_interim_even_where_it_is_empty():
    job = engine({"function": "count"}, {"function": "mean", "field_name": "value"}, {"function": "rare", **BY})
    days = START + np.arange(0, 10 * DAY, 60)
    job.add(batch(days, {"host": ["a"] * len(days)}, {"value": [1.0] * len(days)}))
    job.flush(advance_to=int(days[-1]) + 60)
    shown = job.flush(calc_interim=True)
    assert [(b["timestamp"], b["event_count"], b["is_interim"]) for b in shown.buckets] == [
        ((START + 10 * DAY) * 1000, 0, True)
    ]
    assert not shown.records, "what has only begun is not low"


def test_an_entity_without_a_name_is_no_influencer():
    job = engine({"function": "high_count", "partition_field_name": "host"}, influencers=["host"])
    hours = START + np.arange(0, 20 * DAY, HOUR)
    time = np.sort(np.concatenate([hours, np.full(500, hours[-1] + 5)]))
    results = run(job, batch(time, {"host": [None] * len(time)}))
    assert results.records[-1]["partition_field_value"] == ""
    assert not results.influencers


def test_memory_stays_flat_over_many_records():
    job = engine({"function": "mean", "field_name": "value", "by_field_name": "host"}, span="1d")
    sizes = []
    for day in range(20):
        time = START + day * DAY + np.sort(np.random.default_rng(day).integers(0, DAY, 50_000))
        rows = batch(time, {"host": ["a", "b"] * 25_000}, {"value": np.ones(50_000)})
        job.add(rows)
        sizes.append(job.model_size()["model_bytes"])
    assert sizes[-1] == sizes[2]


def test_new_series_are_refused_once_memory_is_used_up():
    job = engine({"function": "count", "by_field_name": "user"}, analysis_limits={"model_memory_limit": "50kb"})
    users = [f"user {i}" for i in range(400)]
    for hour in range(4):
        job.add(batch([START + hour * HOUR] * 400, {"user": users[hour * 10 :] + users[: hour * 10]}))
    job.add(batch([START + 5 * HOUR] * 2, {"user": ["somebody", "new"]}))
    job.flush(advance_to=START + 7 * HOUR)
    size = job.model_size()
    assert size["memory_status"] == "hard_limit"
    # All five buckets had somebody who did not fit.
    assert size["bucket_allocation_failures_count"] == 5


def test_series_unseen_for_the_prune_window_are_forgotten():
    job = engine({"function": "mean", "field_name": "value", "by_field_name": "user"}, model_prune_window="2d")
    job.add(batch([START, START], {"user": ["gone", "stays"]}, {"value": [1, 2]}))
    for hour in range(1, 80):
        job.add(batch([START + hour * HOUR], {"user": ["stays"]}, {"value": [hour]}))
    assert job.model_size()["total_by_field_count"] == 1
    job.add(batch([START + 81 * HOUR], {"user": ["gone"]}, {"value": [3]}))
    assert job.model_size()["total_by_field_count"] == 1


def test_a_foreign_state_is_refused():
    with pytest.raises(StateError):
        JobEngine(spec_from(config({"function": "count"})), b"something else")


def test_a_forecast_carries_the_daily_pattern_on():
    hours = np.arange(28 * 24)
    wave = 100 + 30 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(3).normal(0, 1, len(hours))
    job = engine({"function": "mean", "field_name": "value"})
    run(job, hourly(wave))
    documents = forecast_documents(job, 2 * DAY)
    predicted = np.array([d["forecast_prediction"] for d in documents])
    hour = np.array([(d["timestamp"] // 1000 - START) // HOUR for d in documents])
    assert len(predicted) == 48
    assert np.abs(predicted - (100 + 30 * np.sin(hour * 2 * np.pi / 24))).max() < 8
    assert all(d["forecast_lower"] < d["forecast_prediction"] < d["forecast_upper"] for d in documents)


@pytest.mark.parametrize(
    ("detector", "reason"),
    [
        ({"function": "count", "over_field_name": "user"}, "population"),
        ({"function": "rare", "by_field_name": "user"}, "used functions"),
        ({"function": "count"}, "data to have been processed"),
    ],
)
def test_what_cannot_be_forecast_says_so(detector, reason):
    with pytest.raises(ForecastRefused, match=reason):
        engine(detector).forecast(DAY)


def test_what_is_given_up_leaves_time_where_it_is():
    counting = engine({"function": "count"})
    counting.add(batch(START + 60 * np.arange(600)))
    counting.add(batch([START + 10_000 * HOUR]), max_buckets=5)
    assert counting.has_more
    counting.give_up_rest()
    assert not counting.has_more
    end = counting.last_finalized_bucket_end
    assert end < START + 20 * HOUR
    later = counting.add(batch(end + 60 * np.arange(150)))
    assert [bucket["timestamp"] for bucket in later.buckets] == [end * 1000, (end + HOUR) * 1000]
