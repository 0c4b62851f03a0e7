"""How many records a bucket of a series usually rests on, and how often it has any: over all, by time of the week."""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, indicator, maximum, root, where
from proxy.engine.models.component import Component, Moment
from proxy.engine.models.grid import WEEK, Grid
from proxy.engine.models.patterns import roll
from proxy.engine.results import Floats

# Buckets that the usual number of records is a mean of, and those the share of filled buckets is.
RECORDS_MEMORY, OCCUPANCY_MEMORY = 1500.0, 200.0
# A series with data in more than this share of its buckets is told of an empty one in full, with less of it by the
# part above half.
ALWAYS_FILLED, FADES_OVER = 0.75, 0.25
# Weeks after which a time of the week forgets, and buckets of it that the share of all stands for.
OCCUPANCY_ROUNDS, OCCUPANCY_PRIOR = 8.0, 1.0
# What an empty bucket teaches at least.
LEAST_TRUST = 1e-6
# No more than so many times the variance of a mean that rests on few records.
MOST_VARIANCE = 9.0


class Records(Component):
    """Mean number of records (`samples`) and share of buckets that are not empty (`occupancy`)."""

    _samples: Floats
    _occupancy: Floats
    _filled: Floats
    _visits: Floats

    def __init__(self, grid: Grid, *, zero_empty: bool) -> None:
        self.grid = grid
        bins = (grid.week_bins if zero_empty else 1,)
        super().__init__(
            samples=Slot("f4"), occupancy=Slot("f4", (), 1.0), filled=Slot("f2", bins), visits=Slot("f2", bins)
        )

    def usual(self, rows: Rows) -> Floats:
        """Records that a mean usually rests on, at least one."""
        return maximum(self._samples[rows], 1.0)

    def widening(self, rows: Rows, samples: Floats) -> Floats:
        """Factor of the spread of a mean over `samples` records: half of its variance is theirs, and goes with 1/n."""
        usual = self.usual(rows)
        return root(clip(0.5 + 0.5 * usual / maximum(samples, 1e-9), 1.0, MOST_VARIANCE))

    def scarcity(self, row: int, samples: float) -> float:
        """How many times fewer records than usual a mean rests on."""
        return float(self._samples[row]) / max(samples, 1e-9)

    def occupancy_at(self, at: Moment) -> Floats:
        """Chance that the bucket is not empty: the share of filled ones at this time of the week, and of all."""
        _, w = self.grid.bins(at.time)
        filled, visits = (double(table[w, at.rows]) for table in (self._filled, self._visits))
        share: Floats = (OCCUPANCY_PRIOR * self._occupancy[at.rows] + filled) / (OCCUPANCY_PRIOR + visits)
        return share

    def due_at(self, at: Moment) -> Floats:
        """Chance that the bucket is not empty by what this time of the week alone has shown: 0 before its first visit.

        One visit more that was empty is imagined (Laplace's rule of succession).
        """
        _, w = self.grid.bins(at.time)
        filled, visits = (double(table[w, at.rows]) for table in (self._filled, self._visits))
        due: Floats = filled / (visits + float(self.grid.week_visit))
        return due

    def soften_empty(self, at: Moment, value: Floats, p: Floats) -> Floats:
        """p of the values; that of an empty bucket (0) at a time that is often empty goes towards 1."""
        is_empty = value == 0
        if not anywhere(is_empty):
            return p
        mix = clip((ALWAYS_FILLED - self.occupancy_at(at)) / FADES_OVER, 0.0, 1.0)
        return where(is_empty, np.power(p, 1.0 - mix), p)

    def learn_occupancy(self, at: Moment, value: Floats, weight: Floats) -> Floats:
        """Adds whether buckets were filled; returns the weight each is worth: little for the empty ones of many."""
        filled = value != 0
        occupancy = self._occupancy[at.rows]
        rate = maximum(1.0 / OCCUPANCY_MEMORY, 1.0 / (double(at.n) + 2.0))
        trusted = weight * where(filled, 1.0, clip(2.0 * occupancy, LEAST_TRUST, 1.0))
        self._occupancy[at.rows] = occupancy + weight * rate * (indicator(filled) - occupancy)
        _, w = self.grid.bins(at.time)
        kept = where(weight > 0, 1.0 - weight / (OCCUPANCY_ROUNDS * self.grid.week_visit), 1.0)
        for table, added in ((self._filled, where(filled, weight, 0.0)), (self._visits, weight)):
            table[w, at.rows] = double(table[w, at.rows]) * kept + added
        return trusted

    def move(self, rows: Rows, seconds: int) -> None:
        """Rolls the week by whole bins."""
        for table in (self._filled, self._visits):
            roll(table, rows, seconds, WEEK)

    def learn_samples(self, at: Moment, samples: Floats, weight: Floats) -> None:
        """Adds the number of records of each mean."""
        usual = self._samples[at.rows]
        rate = weight / clip(double(at.n) + 1.0, 1.0, RECORDS_MEMORY)
        self._samples[at.rows] = usual + rate * (samples - usual)
