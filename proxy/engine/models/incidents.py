"""What goes on now and is not as usual: an incident is judged by what was before it, and counts once.

A bucket whose residual is improbable begins one, odd ones carry it on. For a day nothing is learnt of it that tells
what is usual: which predictor to believe, how far off values may be, how far sums and volatility go. What lasts longer
is the new normal (changes.py).
"""

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, where
from proxy.engine.models.component import Component, Mask
from proxy.engine.results import Floats, Ints

# p of a residual that an incident begins with, and below which it goes on.
BEGINS_BELOW, ODD_BELOW = 1e-3, 1e-2
# The time that is judged by what was before: what lasts longer than a day is for changes.py.
HELD_S = 86400
# Buckets without an odd one that end an incident.
CALM_BUCKETS = 3


class Incidents(Component):
    """When each series' incident began (epoch seconds, -1 = none) and when its latest odd bucket was."""

    _began: Ints
    _odd: Ints

    def __init__(self, span: int) -> None:
        self.span, self.calm_s = span, CALM_BUCKETS * span
        super().__init__(began=Slot("i8", (), -1), odd=Slot("i8", (), -1))

    def is_held(self, rows: Rows, time: int, p: Floats) -> Mask:
        """Where the bucket belongs to an incident that is judged by what was before it; `p` is that of its residual."""
        is_odd: Mask = p < ODD_BELOW
        if not anywhere(is_odd):
            return is_odd
        goes_on, lasts = self._goes_on(rows, time), time - self._began[rows] <= HELD_S
        held: Mask = (goes_on & lasts & is_odd) | (~goes_on & (p < BEGINS_BELOW))
        return held

    def share(self, rows: Rows, time: int) -> Floats:
        """What one more bucket of an incident counts for, 0..1: k of them like 1 + ln k."""
        lasted = where(self._goes_on(rows, time), time - self._began[rows], 0)
        return self.span / (self.span + lasted)

    def learn(self, rows: Rows, time: int, p: Floats) -> None:
        """Notes how odd the bucket at `time` is."""
        if not anywhere((p < ODD_BELOW) | (self._began[rows] >= 0)):
            return
        fresh = where(p < BEGINS_BELOW, time, -1)
        began = where(self._goes_on(rows, time), self._began[rows], fresh)
        self._began[rows] = began
        self._odd[rows] = where((began >= 0) & (p < ODD_BELOW), time, self._odd[rows])

    def forget(self, rows: Rows) -> None:
        """What was odd is understood."""
        self._began[rows] = -1

    def _goes_on(self, rows: Rows, time: int) -> Mask:
        goes_on: Mask = (self._began[rows] >= 0) & (time - self._odd[rows] <= self.calm_s)
        return goes_on
