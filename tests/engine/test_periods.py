"""Periods other than day and week: which are found, which are not, and what they are good for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench.jobs import run
from bench.worlds import START, WORLDS
from proxy.engine import Batch
from proxy.engine.models import period_search
from proxy.engine.models.component import Moment
from proxy.engine.models.past import Past, second_width
from proxy.engine.models.period_search import Table
from proxy.engine.models.series import SeriesModel
from tests.engine.jobs import examples
from tests.engine.naive_periods import NaiveSearch

MINUTE, HOUR, DAY = 60, 3600, 86400
WITH_A_PERIOD = {"sawtooth_31h", "period_3d", "period_90m", "several_periods"}
METRIC = {"side": 0, "is_count": False, "non_negative": False, "zero_empty": False}


def feed(span, values, model=None, since=0):
    """The model after a table of buckets x series (NaN = absent) and the periods it found (bucket, row, seconds)."""
    model = model or SeriesModel(span, **METRIC)
    model.grow_to(values.shape[1])
    found, p = [], np.ones(values.shape)
    for i, row in enumerate(values):
        rows, time = np.flatnonzero(np.isfinite(row)), START + (since + i) * span
        if len(rows):
            judged = model.judge(time, rows, row[rows])
            p[i, rows] = judged.p
            changes = model.learn(time, judged, np.ones(len(rows)))
            found += [(since + i, c.row, c.size) for c in changes if c.kind == "period"]
    return model, found, p


def wave(period, span, buckets, *, series=4, seed=0, shape="sine", day=0.0):
    time = START + span * np.arange(buckets)[:, None] + 3 * HOUR * np.arange(series)
    turn = time % period / period
    forms = {"sine": np.sin(2 * np.pi * turn), "saw": 2 * turn - 1, "pulse": 2.0 * (turn < 0.15)}
    noise = np.random.default_rng(seed).normal(0, 1, (buckets, series))
    return 100 + 10 * forms[shape] + day * np.sin(2 * np.pi * time / DAY) + noise


@pytest.mark.parametrize(
    ("period", "span", "shape", "day", "repeats"),
    [
        (31 * HOUR, HOUR, "saw", 0, 7),
        (3 * DAY, HOUR, "sine", 0, 6),
        (60 * HOUR, HOUR, "sine", 20, 7),
        (90 * MINUTE, 5 * MINUTE, "sine", 0, 10),
        (45 * MINUTE, MINUTE, "pulse", 0, 6),
        (5 * DAY, 3 * HOUR, "pulse", 5, 6),
        (10 * DAY, 6 * HOUR, "saw", 0, 6),
        (5 * HOUR, 15 * MINUTE, "sine", 10, 40),
        (3 * DAY, DAY, "pulse", 0, 70),
    ],
)
def test_a_planted_period_is_found_within_a_few_repeats(period, span, shape, day, repeats):
    _, found, _ = feed(span, wave(period, span, int(repeats * period / span) + 1, shape=shape, day=day))
    assert sorted(row for _, row, _ in found) == [0, 1, 2, 3]
    assert [size for _, _, size in found] == pytest.approx([period] * 4, rel=0.03)


def test_a_spike_is_found_beside_an_own_period():
    values = wave(31 * HOUR, HOUR, 24 * 15, shape="saw")
    values[-1] += np.array([9.0, -9.0, 9.0, -9.0])
    _, _, p = feed(HOUR, values)
    assert p[-1].max() < 1e-3
    assert np.median(p[-100:-1]) > 0.05


def test_a_period_found_is_annotated():
    values = wave(31 * HOUR, HOUR, 24 * 10, series=1, shape="saw")[:, 0]
    batch = Batch(START + HOUR * np.arange(len(values)), {}, {"value": values})
    notes = run({"function": "mean", "field_name": "value"}, batch, HOUR, plotted=True).annotations
    texts = [note["annotation"] for note in notes]
    assert texts == ["Periodicity with period 111600s in mean(value)"]


def test_a_period_that_ends_is_dropped():
    model, _, _ = feed(HOUR, wave(31 * HOUR, HOUR, 24 * 10))
    assert (model.location.own_period.of(np.arange(4)) > 0).all()
    feed(HOUR, 100 + np.random.default_rng(2).normal(0, 1, (24 * 30, 4)), model, 24 * 10)
    assert (model.location.own_period.of(np.arange(4)) == 0).all()


def test_periods_are_found_alike_in_many_series_and_in_one():
    kinds = ((31, 0), (72, 9), (60, 0), (11.5, 5))
    values = np.hstack([wave(p * HOUR, HOUR, 400, series=1, seed=int(p), day=day) for p, day in kinds])
    values[np.random.default_rng(4).random(values.shape) < 0.1] = np.nan
    _, found, together = feed(HOUR, values)
    assert len({row for _, row, _ in found}) >= 3
    for k in range(4):
        assert np.array_equal(feed(HOUR, values[:, [k]])[2][:, 0], together[:, k])


def test_a_period_survives_saving():
    values = wave(31 * HOUR, HOUR, 300, day=6)
    model = feed(HOUR, values[:210])[0]
    copy = SeriesModel(HOUR, **METRIC)
    copy.restore(model.state())
    straight, after = (feed(HOUR, values[210:], either, 210)[2] for either in (model, copy))
    assert np.array_equal(after, straight)


def pasts(seed, kind, count, stretch_s):
    rng = np.random.default_rng(seed)
    at = np.arange(count)[None, :]
    period = rng.uniform(2.2, count / 2.8, (6, 1))
    noise = rng.normal(0, 1, (6, count))
    x = {
        "sine": 3 * np.sin(2 * np.pi * at / period) + noise,
        "saw": 6 * (at / np.round(period) % 1) + noise,
        "pulse": 9 * (at % np.round(period) < 2) + noise,
        "walk": np.cumsum(noise, axis=1),
        "noise": noise,
    }[kind]
    x += rng.choice([0, 4]) * np.sin(2 * np.pi * at * stretch_s / DAY) + rng.choice([0.0, 3.0]) * (at / count) ** 2
    x[rng.random(x.shape) < rng.choice([0.0, 0.1])] = np.nan
    x[rng.random(x.shape) < 0.01] += 50
    return x


@settings(max_examples=examples(8, 25), deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["sine", "sine", "saw", "pulse", "walk", "noise"]),
    count=st.sampled_from([144, 192]),
    span=st.sampled_from([300, 900, 3600, 86400]),
    width=st.sampled_from([1, 2, 8]),
)
def test_a_past_is_searched_as_by_the_naive_twin(seed, kind, count, span, width):
    x = pasts(seed, kind, count, span * width)
    found = period_search.search(Table.of(x, np.full(6, float(span * width))), span)
    wanted = [NaiveSearch([float(v) for v in row], float(span * width), span).search() for row in x]
    assert found.tolist() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("span", "width"), [(300, 9), (600, 6), (1200, 3), (900, 3), (3600, 1), (60, 45), (420, 6)])
def test_stretches_of_a_past_make_up_whole_days_however_long_it_grows(span, width):
    assert second_width(span) == width


def periods_of_past(span, values, level=100.0, spread=15.0):
    """The periods that the pasts of buckets x series (NaN = absent) tell of, whenever they are worth a look, in
    seconds."""
    past, rows = Past(span), np.arange(values.shape[1])
    past.grow_to(values.shape[1])
    out, of_all = set(), np.ones(len(rows))
    for i, row in enumerate(values):
        time = START + i * span
        for stretches, due in past.completed(time, rows):
            table, _, stretch_s = past.table(due, stretches)
            out |= set(period_search.search(Table.of(table, stretch_s), span).tolist())
        there = np.flatnonzero(np.isfinite(row))
        at = Moment(time, rows, START * np.ones(len(rows), int), i * of_all, i * span * np.ones(len(rows), int))
        past.add(at.only(there), row[there], lambda some: (level * of_all[some], spread * of_all[some]))
    return out


@pytest.mark.parametrize("name", sorted(set(WORLDS) - WITH_A_PERIOD - {"month_start"}))
def test_no_period_is_found_where_there_is_none(name):
    values = WORLDS[name].clean()
    assert periods_of_past(WORLDS[name].span, values, np.nanmedian(values), np.nanstd(values)) == {0.0}


@pytest.mark.parametrize("span", [600, 1200])
def test_a_plain_day_is_no_period_of_two_days(span):
    # Long enough for stretches that would be two ninths of a day if they were doubled on.
    time = START + span * np.arange(44 * DAY // span)[:, None]
    turn, hour = 2 * np.pi * time / DAY, time % DAY / HOUR
    shapes = (np.sin(turn), (hour >= 8) & (hour < 18), np.exp(-((hour - 9) ** 2)) + np.exp(-((hour - 17) ** 2)))
    values = 100 + np.random.default_rng(8).normal(0, 1, (len(time), 3)) + 30 * np.hstack(shapes)
    assert periods_of_past(span, values) == {0.0}
