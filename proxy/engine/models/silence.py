"""How long a series has been silent at times that usually are not: the other half of a hurdle model of counts.

Beside the model of the values stands the chance that there is any (records.py tells it by time of the week). A silence
is as long as the visits to times of the week that it covers, each counted by that chance: nights and Sundays of an
office make none. It is as unusual as a new longest one among all visits that were not silent (the law of records,
views.py), but no less probable than independent visits would make it, of each of which it is asked how often that time
of the week was seen filled (Laplace's rule of succession). No prediction has a part in it, so none can get used to a
silence while it lasts. What lasts longer than a day is the new normal, and no silence any more.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, maximum, where, zeros
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY, Grid
from proxy.engine.models.views import NOVELTY_MARGIN, RANGE_HALF_LIFE_S, p_of_record
from proxy.engine.results import Floats

# Visits that a silence lasts at least before it is one.
LEAST_SILENCE = 1.0
# Visits that a silence lasts at most, if that is more than a day: as a level takes to move (changes.py).
LONGEST_SILENCE = 12.0
# No silence is surer than one in a million: from there on it goes on.
SUREST = 1e-6


class Silence(Component):
    """The present silence (visits missed, ln of its chance), the longest one of late, and visits that were filled."""

    _missed: Floats
    _chance: Floats
    _longest: Floats
    _filled: Floats

    def __init__(self, grid: Grid) -> None:
        self.visit = 1.0 / grid.week_visit
        self.most = max(LONGEST_SILENCE, DAY / (grid.week_visit * grid.span))
        self.fades = 0.5 ** (grid.span / RANGE_HALF_LIFE_S)
        super().__init__(missed=Slot("f4"), chance=Slot("f4"), longest=Slot("f4"), filled=Slot("f4"))

    def p(self, at: Moment, is_empty: Mask, due: Floats) -> Floats:
        """p of a silence as long as it is with this bucket; `due` is the chance that the bucket is not empty."""
        if not anywhere(is_empty):
            return zeros(at.rows) + 1.0
        missed, chance = self._with(at.rows, due)
        longest = maximum(self._longest[at.rows], LEAST_SILENCE)
        excess = missed / longest - 1.0 - NOVELTY_MARGIN
        of_records = p_of_record(self._filled[at.rows], maximum(excess, 0.0))
        is_new = is_empty & (excess > 0.0) & (missed <= self.most)
        return where(is_new, maximum(maximum(of_records, np.exp(chance)), SUREST), 1.0)

    def learn(self, at: Moment, is_empty: Mask, due: Floats, weight: Floats) -> None:
        """Takes a bucket, which goes on with a silence or ends it, where it is learnt in good part."""
        rows, counts = at.rows, weight > 0.5
        missed, chance = self._with(rows, due)
        ended, faded = self._missed[rows], self._longest[rows] * self.fades
        self._longest[rows] = where(counts & ~is_empty & (ended <= self.most), maximum(faded, ended), faded)
        self._filled[rows] = self._filled[rows] + where(is_empty, 0.0, weight * self.visit)
        self._missed[rows] = where(counts, where(is_empty, missed, 0.0), self._missed[rows])
        self._chance[rows] = where(counts, where(is_empty, chance, 0.0), self._chance[rows])

    def _with(self, rows: Rows, due: Floats) -> tuple[Floats, Floats]:
        """(visits missed, ln of their chance) with one more empty bucket."""
        return self._missed[rows] + self.visit * due, self._chance[rows] + self.visit * np.log1p(-due)
