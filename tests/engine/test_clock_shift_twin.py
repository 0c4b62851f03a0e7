"""models/clock_shift.py against its twin in plain Python, bucket by bucket."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.models.clock_shift import ClockChanges, Told
from proxy.engine.models.component import Moment
from proxy.engine.models.grid import Grid
from proxy.engine.models.location import LEVEL, PREDICTORS, WITH_DAY, WITH_WEEK
from proxy.engine.models.patterns import DayWeek
from tests.engine.naive_clock_shift import NaiveClock

DAY, START = 86400, 20_000 * 86400
TABLES = ("day", "day_n", "week", "week_n")
MOST = 4 + 2


class World:
    """Series with a pattern each, as the model keeps them and as the twin does."""

    def __init__(self, rng, span):
        self.rng, self.grid, self.twins = rng, Grid.of(span), []
        self.patterns, self.clocks = DayWeek(self.grid), ClockChanges(self.grid)
        self.first = np.zeros(MOST, np.int64)
        self.scales, self.strength = np.zeros((PREDICTORS, MOST), np.float32), np.ones(MOST, np.float32)

    def add_series(self, joins):
        """One more series, which has known its edges of the day for a while, or will soon."""
        rng, grid, row, twin = self.rng, self.grid, len(self.twins), NaiveClock(self.grid.span)
        for part in (self.patterns, self.clocks):
            part.grow_to(row + 1)
        self.first[row] = joins - rng.choice([7, 8, 9, 30]) * DAY
        hour = np.arange(grid.day_bins) * 24 // grid.day_bins
        opens, closes = np.sort(rng.choice(np.arange(2, 22), 2, replace=False))
        state = self.patterns.state()
        state["day"][:, row] = np.where((hour >= opens) & (hour < closes), rng.normal(0, 40), 0.0)
        state["week"][:, row] = rng.normal(0, rng.choice([0.5, 10.0]), grid.week_bins)
        state["day_n"][:, row] = rng.choice([1, 2, 8], grid.day_bins, p=[0.1, 0.1, 0.8])
        # Never once alone: what is clipped at two spreads is a tie that rounding breaks.
        state["week_n"][:, row] = grid.week_visit * rng.choice([0, 2, 3], grid.week_bins)
        self.patterns.restore(state)
        for name in TABLES:
            setattr(twin.patterns, name, state[name][:, row].tolist())
        self.twins.append(twin)

    def unsettle(self, row):
        """Scales and strength of a series that tells the time, mostly."""
        self.scales[LEVEL, row] = 20.0
        self.scales[[WITH_DAY, WITH_WEEK], row] = self.rng.choice([1.0, 3.0, 12.0], 2, p=[0.6, 0.3, 0.1])
        self.strength[row] = self.rng.choice([1.0, 1.1, 0.7], p=[0.8, 0.1, 0.1])

    def observe(self, time, rows, rest, spread):
        first = self.first[rows]
        at = Moment(time, rows, first, np.ones(len(rows)), time - first)
        told = Told(rest, spread, self.scales[:, rows], self.strength[rows])
        return self.clocks.observe(at, told, self.patterns.part, self.patterns.move)


def value_of(rng, twin, time, age, moved_by):
    """What the pattern of other clocks says, with noise."""
    at, old = time + moved_by, age + moved_by
    return twin.patterns.day_part(at, old) + twin.patterns.week_part(at, old, 1.0) + rng.normal(0, 1)


def compare(seed, span, days, absent, series):
    """Feeds both worlds alike; every decision, vote and table must agree. Returns the moves that were seen."""
    rng = np.random.default_rng(seed)
    world, moves = World(rng, span), []
    twins = world.twins
    for time in range(START // span * span, START + days * DAY, span):
        if len(twins) < series and (not twins or rng.random() < span / DAY):
            world.add_series(time)
        if time % DAY < span:
            moved_by = rng.choice([0, 3600, -3600], len(twins) + series)
            is_away = rng.random(len(twins) + series) < absent
        rows = np.array([r for r in range(len(twins)) if not is_away[r] and rng.random() >= absent / 4], np.intp)
        if not len(rows):
            continue
        for r in rows:
            if rng.random() < span / DAY or world.scales[LEVEL, r] == 0:
                world.unsettle(r)
        ages = time - world.first[rows]
        rest = np.array(
            [value_of(rng, twins[r], time, int(age), int(moved_by[r])) for r, age in zip(rows, ages, strict=True)]
        )
        spread = rng.choice([0.5, 2.0], len(rows))
        found = world.observe(time, rows, rest, spread)
        votes = world.clocks.state()["votes"]
        for i, r in enumerate(rows.tolist()):
            scale, strength = world.scales[:, r].tolist(), float(world.strength[r])
            wanted = twins[r].observe(time, int(ages[i]), float(rest[i]), float(spread[i]), scale, strength)
            assert found[i] == wanted, f"series {r} at {time}"
            assert votes[:, r].tolist() == list(twins[r].votes.values()), f"series {r} at {time}"
            moves += [wanted] if wanted else []
    tables = world.patterns.state()
    for r, twin in enumerate(twins):
        for name in TABLES:
            assert tables[name][:, r].tolist() == getattr(twin.patterns, name), f"{name} of series {r}"
    return moves


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    span=st.sampled_from([600, 900, 1000, 1800, 3600, 7200, 86400]),
    days=st.integers(1, 6),
    absent=st.sampled_from([0.0, 0.2, 0.6]),
    series=st.integers(1, 4),
)
def test_clocks_move_as_those_of_the_naive_twin(seed, span, days, absent, series):
    compare(seed, span, days, absent, series)


@pytest.mark.parametrize("span", [900, 3600])
def test_worlds_compared_have_clocks_that_move_either_way(span):
    moves = compare(1, span, 12, 0.1, 6)
    assert {-3600, 3600} == set(moves)
