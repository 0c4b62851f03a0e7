"""Days of the month unlike others: which are found, which are not, and what that is good for."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench.jobs import run
from bench.worlds import START
from proxy.engine import Batch, JobEngine
from proxy.engine.models import calendar_days
from proxy.engine.models.component import Lesson, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.models.series import SeriesModel
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import examples, forecast_documents
from tests.engine.naive_calendar import NaiveCalendar, names

HOUR, DAY = 3600, 86400
METRIC = {"side": 0, "is_count": False, "non_negative": False, "zero_empty": False}
FIRST = date(2024, 1, 1)


def is_first(day):
    return day.day == 1


def is_last(day):
    return (day + timedelta(days=1)).day == 1


def is_fifth_from_the_end(day):
    return (day + timedelta(days=5)).day == 1


def is_second_tuesday(day):
    return day.weekday() == 1 and 8 <= day.day <= 14


def is_last_friday(day):
    return day.weekday() == 4 and (day + timedelta(days=7)).month != day.month


def world(is_odd, days, *, span=3 * HOUR, series=4, seed=0, hours=6, size=20.0):
    """Buckets x series: a daily pattern, and a job of so many hours on the odd days."""
    time = span * np.arange(days * DAY // span)
    odd = np.array([is_odd(FIRST + timedelta(days=i)) for i in range(days)])[time // DAY]
    job = odd & (time % DAY >= 3 * HOUR) & (time % DAY < (3 + hours) * HOUR) if hours < 24 else odd
    noise = np.random.default_rng(seed).normal(0, 1, (len(time), series))
    return (100 + 5 * np.sin(2 * np.pi * time / DAY) + size * job)[:, None] + noise


def feed(span, values, model=None, since=0):
    """The model after a table of buckets x series and the days of the month it found (day, row, which)."""
    model = model or SeriesModel(span, **METRIC)
    model.grow_to(values.shape[1])
    found, p = [], np.ones(values.shape)
    rows = np.arange(values.shape[1])
    for i, row in enumerate(values, since):
        judged = model.judge(START + i * span, rows, row)
        p[i - since] = judged.p
        changes = model.learn(START + i * span, judged, np.ones(len(rows)))
        found += [(i * span // DAY, c.row, c.size) for c in changes if c.kind == "calendar"]
    return model, found, p


ODD_DAYS = {
    is_first: "Day 1 of the month",
    is_last: "Day 0 before the last of the month",
    is_fifth_from_the_end: "Day 4 before the last of the month",
    is_second_tuesday: "Tuesday number 2 of the month",
    is_last_friday: "Friday number 0 before the last of the month",
}


@pytest.mark.parametrize(
    ("span", "odd_days", "hours"),
    [
        (3 * HOUR, list(ODD_DAYS), 6),
        (3 * HOUR, [is_first], 3),
        (DAY, [is_first], 24),
        (6 * HOUR, [is_last], 24),
    ],
    ids=["kinds of days", "one bucket", "a day a bucket", "a whole day"],
)
def test_a_day_of_the_month_is_found_when_it_has_come_a_few_times(span, odd_days, hours):
    worlds = [world(is_odd, 200, span=span, hours=hours, seed=i) for i, is_odd in enumerate(odd_days)]
    _, found, p = feed(span, np.hstack(worlds))
    titles = [ODD_DAYS[is_odd] for is_odd in odd_days for _ in range(4)]
    assert {row: calendar_days.title(which) for _, row, which in found} == dict(enumerate(titles))
    assert len(found) == len(titles)
    assert max(day for day, _, _ in found) <= 155
    assert p[156 * DAY // span :].min() > 1e-6


@cache
def months_with_a_job():
    """(values of half a year with a job on every first day, p of each, state of the model after some of the buckets)"""
    values, model, states, p = world(is_first, 185), None, {}, []
    cuts = [0, *(day * 8 + 3 for day in (100, 121, 140, 160)), 182 * 8, 185 * 8]
    for a, b in pairwise(cuts):
        model, _, said = feed(3 * HOUR, values[a:b], model, a)
        states[b] = model.state()
        p.append(said)
    return values, np.vstack(p), states


def saved(bucket):
    """A model that goes on after so many buckets of these months."""
    model = SeriesModel(3 * HOUR, **METRIC)
    model.restore(months_with_a_job()[2][bucket])
    return model


def test_the_sixth_month_of_a_monthly_job_is_as_expected_and_its_absence_is_not():
    first = 182 * 8
    assert months_with_a_job()[1][first : first + 8].min() > 1e-3
    _, _, without = feed(3 * HOUR, world(is_last, 183)[first:], saved(first), first)
    assert without.min(axis=0).max() < 2e-3


@pytest.mark.parametrize("span", [6 * HOUR, DAY])
def test_a_year_without_days_of_the_month_has_none(span):
    rng = np.random.default_rng(5)
    shape = (400 * DAY // span, examples(40, 200))
    values = {
        "noise": rng.normal(100, 1, shape),
        "weeks": rng.normal(100, 1, shape) + 10 * (np.arange(shape[0]) * span // DAY % 7 >= 5)[:, None],
        "walk": 100 + 0.3 * np.cumsum(rng.normal(0, 1, shape), axis=0) + rng.normal(0, 1, shape),
        "counts": rng.poisson(2.0, shape).astype(float),
        "heavy tails": 100 + rng.standard_t(3, shape),
        "spikes": rng.normal(100, 1, shape) + 30 * (rng.random(shape) < 0.03 * span / DAY),
    }
    assert feed(span, np.hstack(list(values.values())))[1] == []


def test_a_job_that_ends_is_dropped():
    first = 160 * 8 + 3
    model = saved(first)
    assert model.location.month_day.is_known(np.arange(model.size)).all()
    feed(3 * HOUR, world(lambda day: False, 100, seed=1), model, first)
    assert not model.location.month_day.is_known(np.arange(model.size)).any()


def test_a_day_found_is_annotated_and_forecast():
    values = world(is_first, 170, series=1)[:, 0]
    batch = Batch(START + 3 * HOUR * np.arange(len(values)), {}, {"value": values})
    detector = {"function": "mean", "field_name": "value"}
    notes = run(detector, batch, 3 * HOUR, plotted=True).annotations
    assert [note["annotation"] for note in notes] == ["Day 1 of the month unlike other days in mean(value)"]
    config = {"analysis_config": {"bucket_span": "3h", "detectors": [detector], "influencers": []}}
    engine = JobEngine(spec_from(config))
    engine.add(batch)
    engine.flush(advance_to=int(batch.time.max()) + 3 * HOUR)
    documents = forecast_documents(engine, 30 * DAY)
    expected = np.array([document["forecast_prediction"] for document in documents])
    days = np.array([document["timestamp"] for document in documents]) // 1000
    job = (days >= START + 182 * DAY + 3 * HOUR) & (days < START + 182 * DAY + 9 * HOUR)
    usual = 100 + 5 * np.sin(2 * np.pi * days / DAY)
    assert job.sum() == 2
    assert expected[job] == pytest.approx(usual[job] + 20, abs=3)
    assert expected[~job] == pytest.approx(usual[~job], abs=3)


def test_days_are_found_alike_in_many_series_and_in_one():
    kinds = (is_first, is_last, is_second_tuesday)
    values = np.hstack([world(kind, 190, span=6 * HOUR, series=1, seed=i) for i, kind in enumerate(kinds)])
    _, found, together = feed(6 * HOUR, values)
    assert len(found) == 3
    for k in range(3):
        _, alone, p = feed(6 * HOUR, values[:, [k]])
        assert alone == [(day, 0, which) for day, row, which in found if row == k]
        assert p[:, 0] == pytest.approx(together[:, k], rel=1e-2)


@pytest.mark.parametrize("day", [100, 121, 140])
def test_a_day_of_the_month_survives_saving(day):
    values, whole, _ = months_with_a_job()
    cut, end = day * 8 + 3, 156 * 8
    after = feed(3 * HOUR, values[cut:end], saved(cut), cut)[2]
    assert np.array_equal(after, whole[cut:end])


def test_days_are_called_as_in_the_standard_calendar():
    days = np.arange(-1000, 60000, 7)
    assert calendar_days.names(days).T.tolist() == [names(int(day)) for day in days]


def sizes(rows):
    """Level and spread of each series."""
    return np.full(len(rows), 50.0), np.ones(len(rows), np.float32)


def lesson_of(off, noise, step):
    """Only what calendar_days looks at."""
    none = np.zeros(len(off))
    bound = np.full(len(off), 8.0)
    return Lesson(off, none, none, np.full(len(off), noise), none, bound, bound, step, step, none)


@settings(max_examples=examples(3, 12), deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**32 - 1),
    span=st.sampled_from([2400, 10800, 20000, 86400, 172800]),
    kind=st.integers(0, 3),
    size=st.sampled_from([6.0, 25.0]),
    absent=st.sampled_from([0.0, 0.1]),
    odd=st.sampled_from([0.0, 0.01]),
    ends=st.sampled_from([230, 400]),
)
def test_days_are_learnt_as_by_the_naive_twin(seed, span, kind, size, absent, odd, ends):
    rng, grid = np.random.default_rng(seed), Grid.of(span)
    start = 1_704_067_200 // span * span
    month_day, twins = calendar_days.MonthDay(grid), [NaiveCalendar(span) for _ in range(3)]
    month_day.grow_to(3)
    name = names(start // DAY + 40)[kind]
    for time in range(start, start + 300 * DAY, span):
        rows = np.flatnonzero(rng.random(3) >= absent)
        is_job = names(time // DAY)[kind] == name and time % DAY < 30000 and time < start + ends * DAY
        off = rng.normal(0, 1, len(rows)) + size * is_job + 20.0 * (rng.random(len(rows)) < odd)
        off -= [twins[row].part(time) for row in rows.tolist()]
        step = rng.choice([1.0, 0.2, 0.7], len(rows))
        at = Moment(time, rows, np.full(len(rows), start), np.ones(len(rows)), np.full(len(rows), time - start))
        parts = [month_day.part(at), month_day.doubt(at)]
        wanted = [[getattr(twins[row], what)(time) for row in rows.tolist()] for what in ("part", "doubt")]
        assert np.array(parts) == pytest.approx(np.array(wanted), rel=1e-5, abs=1e-5)
        month_day.learn(at, lesson_of(off, 1.0, step), off)
        new = month_day.observe(at, off, sizes)
        told = {int(row): month_day.name_of(int(row)) for row in new}
        for row, error, by in zip(rows.tolist(), off.tolist(), step.tolist(), strict=True):
            twins[row].learn(time, error, 1.0, 8.0, by, by)
            assert told.get(row, 0) == twins[row].observe(time, start, error, 50.0, 1.0)
            assert month_day.is_known(np.array([row]))[0] == (twins[row].known is not None)
