"""The mean of every series on each of the last days: what a forecast reads lasting movement from.

A model of a series tells what the next bucket holds and forgets quickly on purpose; where the series has been going
for weeks is only to be seen from further away. Not here: what is made of it (trend.py).
"""

import numpy as np

from proxy.engine.columns import Columns, Rows, Slot
from proxy.engine.results import Floats, Ints

DAY = 86400
DAYS = 84
_MOST_COUNTED = 65535


class DailyMeans(Columns):
    """A ring of means per series; where buckets are longer than a day, of buckets."""

    _mean: Floats
    _count: Ints
    _newest: Ints

    def __init__(self, span: int) -> None:
        self.slot_s = max(DAY, span)
        super().__init__(mean=Slot("f4", (DAYS,)), count=Slot("u2", (DAYS,)), newest=Slot("i8", (), -1))

    def learn(self, time: int, rows: Rows, value: Floats) -> None:
        """Adds one value to the day of `time` of each of these distinct rows."""
        day = time // self.slot_s
        late = rows[self._newest[rows] != day]
        if len(late):
            self._turn_to(day, late)
        means, counts = self._mean[day % DAYS], self._count[day % DAYS]
        count = np.minimum(counts[rows] + np.int64(1), _MOST_COUNTED)
        mean = means[rows].astype(np.float64)
        means[rows] = mean + (value - mean) / count
        counts[rows] = count

    def _turn_to(self, day: int, rows: Rows) -> None:
        """Empties the days since each row's newest one."""
        behind = np.where(self._newest[rows] < 0, DAYS, np.minimum(day - self._newest[rows], DAYS))
        for back in range(int(behind.max(initial=0))):
            late = rows[behind > back]
            self._count[(day - back) % DAYS, late] = 0
            self._mean[(day - back) % DAYS, late] = 0.0
        self._newest[rows] = day

    def until(self, day: int, rows: Rows) -> tuple[Floats, Floats]:
        """(means, counts) of the DAYS days up to and with `day`, oldest first, days x rows; NaN = not (fully) seen."""
        days = day - np.arange(DAYS)[::-1]
        is_known = (days[:, None] > self._newest[rows] - DAYS) & (days[:, None] <= self._newest[rows])
        count = np.where(is_known, self._count[days % DAYS][:, rows], 0).astype(np.float64)
        usual = np.ones(len(rows))
        for i in np.flatnonzero(count.any(axis=0)).tolist():
            usual[i] = np.median(count[count[:, i] > 0, i])
        is_enough = (count > 0) & (count >= 0.5 * usual)
        return np.where(is_enough, self._mean[days % DAYS][:, rows], np.nan), np.where(is_enough, count, 0.0)
