"""A period of a series' own, besides the day and the week: at most one, a table of bins over it.

How it is found: period_fit.py. Here it is used, learnt like the day's pattern, and dropped when it no longer foretells
anything.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import maximum, positions
from proxy.engine.models.component import Moment
from proxy.engine.models.grid import DAY_MEMORY
from proxy.engine.models.voted_table import FIRST_VOTE, MOST_COUNTED, VotedTable
from proxy.engine.results import Floats, Ints

BINS = 64
# The least buckets the vote is a mean of.
VOTE_MEMORY = 48.0
# A period told better by a longer past keeps its phase of so many periods ago.
SETTLED_AGO = 3.0


class OwnPeriod(VotedTable):
    """Period (0 = none), a time when one begins and the length of the past that told it, all in seconds."""

    _period: Floats
    _begin: Floats
    _over: Floats
    _bin_count: Ints
    _visit: Floats

    def __init__(self, span: int) -> None:
        self.span = span
        super().__init__(
            BINS,
            period=Slot("f8"),
            begin=Slot("f8"),
            over=Slot("f8"),
            bin_count=Slot("u1", (), 1.0),
            # Buckets of a visit to a bin.
            visit=Slot("f4", (), 1.0),
        )

    def of(self, rows: Rows) -> Floats:
        """The period of each series in seconds, 0 = none."""
        return self._period[rows]

    def having(self, at: Moment) -> Rows:
        """Positions in `at.rows` of the series with a period of their own."""
        return positions(self._period[at.rows] > 0)

    def start(self, row: int, period_s: float, known: tuple[float, float], means: Floats, stretches: Floats) -> None:
        """Gives one series a period told by the past from `known[0]` on (epoch seconds), `known[1]` seconds long.

        `means` are those of the bins (as many as `bins_of` says), each of so many `stretches` of that past.
        """
        bins, visit = self.bins_of(period_s)
        self._period[row], (self._begin[row], self._over[row]) = period_s, known
        self._bin_count[row], self._visit[row], self._vote[row] = bins, visit, FIRST_VOTE
        self._table[:bins, row], self._table[bins:, row] = means, 0.0
        self._visits[:, row] = 0
        self._visits[:bins, row] = np.minimum(stretches * visit, MOST_COUNTED)

    def bins_of(self, period_s: float) -> tuple[int, int]:
        """(bins of a table over this period, buckets of a visit to one)."""
        visit = int(np.ceil(period_s / self.span / BINS))
        return int(np.clip(round(period_s / (self.span * visit)), 2, BINS)), visit

    def correct(self, time: int, rows: Rows, period: Floats, length_s: Floats) -> None:
        """Takes over the period of a longer past; what the table says of a while ago stays as it is."""
        longer = length_s > self._over[rows]
        rows, period = rows[longer], period[longer]
        old = self._period[rows]
        settled = time - SETTLED_AGO * old
        turns = (settled - self._begin[rows]) / old
        self._begin[rows] = settled - (turns - np.floor(turns)) * period
        self._period[rows], self._over[rows] = period, length_s[longer]

    def _bins(self, time: int, rows: Rows) -> Rows:
        turns = (time + 0.5 * self.span - self._begin[rows]) / self._period[rows]
        return ((turns - np.floor(turns)) * self._bin_count[rows]).astype(np.intp)

    def _memory(self, rows: Rows) -> Floats:
        return DAY_MEMORY * self._visit[rows]

    def _votes(self, rows: Rows, before: Floats, noise: Floats) -> tuple[float, Floats, bool]:
        return 1.0, maximum(VOTE_MEMORY, self._period[rows] / self.span), False

    def _drop(self, rows: Rows) -> None:
        self._period[rows] = 0.0
