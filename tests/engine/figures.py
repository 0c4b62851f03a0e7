"""Figures of the models over made-up series that show all they learn: what every constant of them has a part in.

`python -m tests.engine.figures` writes figures.json anew, for whoever changes the models on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from proxy.engine.models.population import PopulationModel
from proxy.engine.models.series import SeriesModel

HOUR, DAY = 3600, 86400
# A midnight of a Monday, the first of a month.
START = 1_704_067_200
KEPT = Path(__file__).with_name("figures.json")
# Buckets that a line of figures is the mean of.
LINE = 90

METRIC = {"side": 0, "is_count": False, "non_negative": False, "zero_empty": False}
COUNT = {"side": 0, "is_count": True, "non_negative": True, "zero_empty": True}


def noise(seed, buckets, series):
    return np.random.default_rng(seed).normal(size=(buckets, series))


def hours(days):
    return np.arange(days * 24)[:, None]


def still():
    """Noise with spikes alike and unlike, a range that is left, levels that move, for good and for a day."""
    out = 100 + noise(1, 60 * 24, 6)
    hour = hours(60)[:, 0]
    out[hour % 97 == 96, 0] += 9
    out[1000:1003, 1] += 30
    out[600:, 2] += 12
    out[700:730, 3] -= 15
    out[:, 4] = 100 + (out[:, 4] - 100) * np.where(hour > 800, 3, 1)
    out[:, 5] = 100 + np.cumsum(out[:, 5] - 100) * 0.3
    return HOUR, METRIC, out


def daily():
    """Days and weeks: strengths and clocks that change, office hours, a loud hour, an incident in the first week."""
    hour = hours(50)
    wave, weekend = np.sin(2 * np.pi * hour / 24), hour // 24 % 7 >= 5
    moved = hour + (hour > 25 * 24)
    office = (moved % 24 >= 8) & (moved % 24 < 18) & (moved // 24 % 7 < 5)
    series = (
        wave * np.where(hour > 600, 20, 10),
        np.where(office, 60.0, 0.0),
        wave * np.where(weekend, 2, 15),
        np.where(hour % 24 == 3, 1.0, 0.2) * noise(2, len(hour), 1) * 10,
        wave * 10 + 80 * ((hour > 150) & (hour < 160)),
    )
    return HOUR, METRIC, 100 + np.hstack(series) + noise(3, len(hour), 5)


def repeated():
    """Periods of their own, one of which ends, one that gets another phase, and one too short to have a table."""
    hour = hours(45)
    saw = 10 * (hour % 31)
    series = (
        saw,
        np.where(hour < 600, saw, 100),
        60 * np.sin(2 * np.pi * hour / 60.5) + 20 * np.sin(2 * np.pi * hour / 24),
        30 * (hour % 5 == 0),
    )
    out = 50 + np.hstack(series) + 3 * noise(4, len(hour), 4)
    out[np.random.default_rng(5).random(out.shape) < 0.03] = np.nan
    return HOUR, METRIC, out


def monthly():
    """Days of the month unlike others: the first, the last but one, every second Tuesday, one that ends."""
    time = START + 3 * HOUR * np.arange(8 * 190)
    day = time // DAY
    first_of_month = day.astype("M8[D]").astype("M8[M]").astype("M8[D]").astype(np.int64)
    ends = (day.astype("M8[D]").astype("M8[M]") + 1).astype("M8[D]").astype(np.int64) - 1
    after, busy = day - first_of_month, time % DAY < 9 * HOUR
    odd = (
        40 * (after == 0) * busy,
        -30 * (ends - day == 1),
        25 * ((after // 7 == 1) & (day % 7 == 5)),
        40 * (after == 0) * (day < day[0] + 130),
    )
    return 3 * HOUR, METRIC, 100 + np.stack(odd, axis=1) + noise(6, len(time), 4)


def counted():
    """Counts: low, busy, sparse, of office hours, bursty."""
    hour = hours(40)
    rate = np.hstack([np.full(hour.shape, r) for r in (1.5, 60.0, 0.08)])
    rate = np.hstack(
        [rate, np.where((hour % 24 > 7) & (hour % 24 < 18), 30.0, 0.5), np.where(hour % 50 < 3, 60.0, 6.0)]
    )
    out = np.random.default_rng(7).poisson(rate).astype(float)
    out[900:903] += np.array([12, 90, 6, 90, 200])
    return HOUR, COUNT, out


def quick():
    """Five-minute series: bins that hold several buckets, steps too even, a drift."""
    step = np.arange(12 * 24 * 11)[:, None]
    wave = np.sin(2 * np.pi * step / 288)
    series = np.hstack([20 * wave, step / 50, 5 * wave + np.where(step > 2000, 4, 0), np.zeros(step.shape)])
    return 300, METRIC | {"side": 1}, 200 + series + noise(8, len(step), 4) * np.array([1, 1, 1, 0.0])


WORLDS = {f.__name__: f for f in (still, daily, repeated, monthly, counted, quick)}
CROWDS = {
    f"population of {span} s": (span, side, is_count)
    for span, side, is_count in ((HOUR, 0, False), (HOUR, 1, True), (DAY, -1, False))
}


def lines(name: str) -> Iterator[list[float]]:
    """Means of what the models say of one world over every LINE buckets, line by line, as they come."""
    yield from (_of_population(*CROWDS[name]) if name in CROWDS else _of_series(*WORLDS[name]()))


def _of_series(span, kind, values):
    model = SeriesModel(span, **kind)
    model.grow_to(values.shape[1])
    line, rng = [], np.random.default_rng(9)
    for i, value in enumerate(values):
        rows = np.flatnonzero(np.isfinite(value))
        samples = rng.integers(1, 30, len(rows)).astype(float) if i % 3 == 0 and not kind["is_count"] else None
        judged = model.judge(START + i * span, rows, value[rows], samples)
        changes = model.learn(START + i * span, judged, rng.choice([1.0, 0.5, 0.005], len(rows), p=[0.9, 0.07, 0.03]))
        asked = model.tail_ln(judged, 0, value[rows[:1]] + 3.0, np.array([1.3]))
        lower, upper = model.bounds(float(judged.typical[0]), float(judged.spread[0]), int(rows[0]))
        numbers = [
            np.log10(judged.p),
            judged.typical,
            judged.spread,
            judged.factor,
            judged.raw_surprise,
            asked,
            lower + upper,
        ]
        line.append([*(float(np.mean(each)) for each in numbers), model.maturity(0), sum(c.size for c in changes)])
        if len(line) == LINE:
            yield [float(f"{each:.9g}") for each in np.mean(line, axis=0)]
            line = []
    yield [model.run_length(judged, i) for i in range(len(judged.rows))]


def _of_population(span, side, is_count):
    rng = np.random.default_rng(10)
    model = PopulationModel(span, side=side, non_negative=is_count, is_count=is_count)
    model.grow_to(3)
    line = []
    for i in range(6 * LINE):
        rows = np.repeat(np.arange(3), (4, 30, 150))
        wave = 1.0 + 0.5 * np.sin(2 * np.pi * i * span / DAY)
        value = rng.poisson(3 * wave, len(rows)) * 1.0 if is_count else np.exp(rng.normal(wave, 0.7, len(rows)))
        value[rng.random(len(rows)) < 0.002] *= 9
        scores = model.judge(i * span, rows, value)
        lower, upper = model.bounds(scores)
        asked = model.tail_ln(scores, 4, value[:5] * 3, np.ones(5))
        model.learn(i * span, scores, rng.random(len(rows)) < 0.95)
        numbers = (np.log10(scores.p), scores.typical, scores.scale, lower, upper, asked)
        line.append([float(np.mean(each)) for each in numbers])
        if len(line) == LINE:
            yield [float(f"{each:.9g}") for each in np.mean(line, axis=0)]
            line = []


if __name__ == "__main__":
    found = {name: list(lines(name)) for name in (*WORLDS, *CROWDS)}
    texts = [
        f'"{name}": [\n  ' + ",\n  ".join(json.dumps(line) for line in rows) + "\n]" for name, rows in found.items()
    ]
    KEPT.write_text("{\n" + ",\n".join(texts) + "\n}\n")
