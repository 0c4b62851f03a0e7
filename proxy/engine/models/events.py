"""Events of a series: what belongs to one is told once in full, and one like many before it is less of an event.

A surprise (-log10 p) above OPENS_FROM opens an event; it lasts EVENT_S from the bucket that opened it or made it
clearly worse, or as long as a sum is on an excursion that single buckets do not show (sums.py), and is known by its
peak. What goes on at the same size counts for half: it stays on the score, below the bucket it began with, and just so
where nothing but a sum tells it. Until several lie in the past, events are incidents: little is learnt from them. A
surprise is discounted by log10(1 + past events with a peak of at least 0.8 of it), MOST_OFF at most; their memory
halves every HALF_LIFE_S.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, double, is_one, listed, maximum, minimum, positions, put, where
from proxy.engine.models.component import Component, Mask
from proxy.engine.results import Floats, Ints

OPENS_FROM = 1.0
# Peaks from here on are remembered.
EVENT_FROM = 2.0
# A run of buckets with p < 0.1 is one anomaly, for anomaly_length.
RUNS_FROM = 1.0
LONGEST_RUN = 60000
EVENT_S = 43200
HALF_LIFE_S = 30 * 86400.0
SIMILAR = 0.8
# What similar events of the past take off a surprise at most: five of them, for a sixth is still worth a look.
MOST_OFF = 0.8
# An event is told in full again where it exceeds its peak by more than this; else this share of it is told.
MARGIN, GOES_ON = 1.0, 0.5
# The surprise of what goes on only by its sums: a score of 25 and a little, for they tell the same again.
TOLD_ON = 1.9
# What past events keep of their weight with every bucket that turns out to belong to a pattern.
EXCUSED = 0.9
BINS = 24
_BIN_WIDTH = 0.5
# First bin of peaks that may be incidents' (1 in 10,000); the scale on which they become a habit, learnt in full from
# five of them on. With none an odd value still teaches the tails the least part.
_INCIDENTS_FROM = 8
HABIT, LEAST_HABIT = 8.0, 0.02


class Events(Component):
    """For every series: peak and time (opened or raised) of the latest event, and the peaks of those before."""

    _peak: Floats
    _last: Ints
    _peaks: Floats
    _faded: Ints
    _run: Ints

    def __init__(self) -> None:
        super().__init__(
            peak=Slot("f4"),
            last=Slot("i8", (), -1),
            peaks=Slot("f2", (BINS,)),
            faded=Slot("i8"),
            run=Slot("u2"),
        )

    def run_length(self, row: int) -> int:
        """Buckets in a row that were unusual, up to the last one learnt."""
        return int(self._run[row])

    def discount(self, rows: Rows, time: int, surprise: Floats, lasts: Mask) -> Floats:
        """Surprise less what similar past events take off; small ones are left alone.

        `lasts` tells on which series something goes on that single buckets do not show (`RunningSums.lasts`).
        """
        is_loud = surprise > OPENS_FROM
        if not anywhere(is_loud):
            return surprise
        at, size = listed(rows, is_loud), listed(surprise, is_loud)
        last, peak = self._last[at], self._peak[at]
        peaks = double(self._peaks[:, at])
        similar = np.where(np.arange(BINS)[:, None] >= _bin(SIMILAR * size), peaks, 0.0).sum(axis=0)
        similar *= 0.5 ** ((time - self._faded[at]) / HALF_LIFE_S)
        is_over = (last >= 0) & (time - last > EVENT_S) & ~listed(lasts, is_loud)
        similar += is_over & (peak >= np.maximum(SIMILAR * size, EVENT_FROM))
        left = np.maximum(size - np.minimum(np.log10(1.0 + similar), MOST_OFF), 0.0)
        return left[0] if is_one(rows) else put(surprise, positions(is_loud), left)

    def goes_on(self, rows: Rows, time: int, surprise: Floats, lasts: Mask) -> Mask:
        """Where the bucket belongs to an event that began before and is no worse than that was."""
        last = self._last[rows]
        goes_on: Mask = (last >= 0) & ((time - last <= EVENT_S) | lasts) & (surprise <= self._peak[rows] + MARGIN)
        return goes_on

    def habit(self, rows: Rows, time: int) -> Floats:
        """What one more event counts for in the tails: next to nothing at first, 1 once they are a habit.

        All together are to count for share^3 of themselves, so one more for the derivative, but none for more than
        itself.
        """
        many = double(self._peaks[_INCIDENTS_FROM:, rows]).sum(axis=0)
        share = many * np.power(0.5, (time - self._faded[rows]) / HALF_LIFE_S) / HABIT
        return minimum(maximum(4.0 * share * share * share, LEAST_HABIT), 1.0)

    def forget(self, rows: Rows) -> None:
        """Forgets the latest events of these series, which may go on yet; those long over stay."""
        self._last[rows] = -1
        self._peak[rows] = 0.0

    def excuse(self, rows: Rows) -> None:
        """Lets past events fade where a bucket of one is explained by now."""
        self._peaks[:, rows] *= np.float16(EXCUSED)

    def learn(self, rows: Rows, time: int, surprise: Floats, lasts: Mask) -> None:
        """Files the surprises of the bucket at `time`: they open or raise events; `lasts` as for `discount`."""
        run = self._run[rows]
        self._run[rows] = where(surprise >= RUNS_FROM, minimum(run + 1, LONGEST_RUN), 0)
        is_loud = surprise > OPENS_FROM
        if not anywhere(is_loud):
            return
        at, size = listed(rows, is_loud), listed(surprise, is_loud)
        last, peak = self._last[at], self._peak[at]
        is_over = (last < 0) | ((time - last > EVENT_S) & ~listed(lasts, is_loud))
        filed = is_over & (last >= 0) & (peak > EVENT_FROM)
        done = at[filed]
        if len(done):
            fade = 0.5 ** ((time - self._faded[done]) / HALF_LIFE_S)
            self._peaks[:, done] *= fade.astype(np.float32)
            self._peaks[_bin(peak[filed]), done] += 1.0
            self._faded[done] = time
        news = is_over | (size > peak + MARGIN)
        self._peak[at[news]] = size[news]
        self._last[at[news]] = time


def told_on(surprise: Floats, of_bucket: Floats) -> Floats:
    """What is told of a bucket that goes on with its event; `of_bucket` is its surprise without the sums."""
    return minimum(GOES_ON * surprise, maximum(of_bucket, TOLD_ON))


def _bin(surprise: Floats) -> Rows:
    return np.clip(surprise / _BIN_WIDTH, 0, BINS - 1).astype(np.intp)
