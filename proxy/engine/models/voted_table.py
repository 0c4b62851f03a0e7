"""A pattern that few series have: a table of bins that is dropped once it no longer foretells anything.

The running mean of what a value gains by the table is its vote: half the gain in log likelihood under Cauchy's law,
ln((e0^2 + s^2) / (e1^2 + s^2)) / 2, of the error e1 with the table over e0 without, s being the noise. Whose table it
is, and when its bins come, is the business of the subclasses: periods.py and calendar_days.py.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, listed, maximum, minimum, of, put, zeros
from proxy.engine.models.component import COUNTS_FROM, Lesson, Mask, Moment, Term
from proxy.engine.results import Floats, Ints

# Mean gain in log likelihood below which a table is useless, and the most that one value counts.
USELESS, MOST_VOTE = 0.03, 2.0
# The vote a table starts with.
FIRST_VOTE = 1.0
MOST_COUNTED = 250


class VotedTable(Term):
    """Means and numbers of visits by bin, and the vote."""

    _table: Floats
    _visits: Ints
    _vote: Floats

    def __init__(self, bins: int, **slots: Slot) -> None:
        super().__init__(table=Slot("f4", (bins,)), visits=Slot("u1", (bins,)), vote=Slot("f4"), **slots)

    def having(self, at: Moment) -> Rows:
        """Positions in `at.rows` of the series whose table has something to say of this bucket."""
        raise NotImplementedError

    def _bins(self, time: int, rows: Rows) -> Rows | int:
        """The bin of each of these series."""
        raise NotImplementedError

    def _memory(self, rows: Rows) -> Floats | float:
        """Visits after which a bin of each of these series forgets."""
        raise NotImplementedError

    def _votes(self, rows: Rows, before: Floats, noise: Floats) -> tuple[Floats | Mask | float, Floats, Mask | bool]:
        """(how much a value of a bin that held `before` counts, buckets the vote is a mean of, what is empty now)."""
        raise NotImplementedError

    def _drop(self, rows: Rows) -> None:
        """These series have no table any more."""
        raise NotImplementedError

    def part(self, at: Moment) -> Floats:
        """What the table adds to the level; 0 for series without."""
        own = self.having(at)
        if not len(own):
            return zeros(at.rows)
        rows = of(at.rows, own)
        return put(zeros(at.rows), own, double(self._table[self._bins(at.time, rows), rows]))

    def doubt(self, at: Moment) -> Floats:
        """Variance, in units of that of the noise, that seldom visited bins add to a prediction."""
        own = self.having(at)
        if not len(own):
            return zeros(at.rows)
        rows = of(at.rows, own)
        memory = self._memory(rows)
        seen = maximum(minimum(self._visits[self._bins(at.time, rows), rows], memory), 1.0)
        return put(zeros(at.rows), own, 1.0 / seen - 1.0 / memory)

    def learn(self, at: Moment, lesson: Lesson, off: Floats) -> None:
        """Takes its part of `off`, what all terms together leave of a value, and votes."""
        own = self.having(at)
        if not len(own):
            return
        rows, off = of(at.rows, own), of(off, own)
        bins = self._bins(at.time, rows)
        before, seen = double(self._table[bins, rows]), self._visits[bins, rows]
        step, bound, noise = of(lesson.step, own), of(lesson.bound, own), of(lesson.noise, own)
        doubted = 1.0 / maximum(minimum(seen, minimum(self._memory(rows), MOST_COUNTED)), 1.0)
        self._table[bins, rows] = before + step * clip(off, -bound, bound) * doubted / (1.0 + doubted)
        self._visits[bins, rows] = minimum(seen + (step > COUNTS_FROM), MOST_COUNTED)
        least, without = noise * noise + 1e-30, off + before
        gain = 0.5 * np.log((without * without + least) / (off * off + least))
        counts, memory, is_empty = self._votes(rows, before, noise)
        vote = self._vote[rows]
        vote = vote + counts * of(lesson.trusted, own) * (clip(gain, -MOST_VOTE, MOST_VOTE) - vote) / memory
        self._vote[rows] = vote
        is_useless = (vote < USELESS) | is_empty
        if anywhere(is_useless):
            self._drop(listed(rows, is_useless))

    def scale(self, rows: Rows, by: Floats) -> None:
        """Makes what the table says `by` times as strong."""
        self._table[:, rows] *= by
