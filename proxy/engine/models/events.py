"""Past events of a series: an anomaly like many before it is less of one.

Surprises (-log10 p) above EVENT_FROM that lie within MERGE_WITHIN buckets form one event, known by its peak.
A surprise is discounted by log10(1 + events with a peak of at least 0.8 of it). Memory halves every
HALF_LIFE buckets.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.models.component import Component
from proxy.engine.results import Floats, Ints

EVENT_FROM = 2.0
# A run of buckets with p < 0.1 is one anomaly, for anomaly_length.
RUNS_FROM = 1.0
LONGEST_RUN = 60000
MERGE_WITHIN = 12
HALF_LIFE = 3000.0
SIMILAR = 0.8
STRENGTH = 1.0
# An alarm within so many buckets of the last one belongs to the same event.
ALARM_WITHIN = 150
ALARM_FROM = 1.0
# An ongoing event is reported again where its alarm grows by more than this.
ALARM_MARGIN = 0.5
# What past events keep of their weight with every bucket that turns out to belong to a pattern.
EXCUSED = 0.9
BINS = 24
_BIN_WIDTH = 0.5


class Events(Component):
    """Peak and time of the event in progress, peaks of those before, and the alarm raised last, for every series."""

    _peak: Floats
    _last: Ints
    _peaks: Floats
    _faded: Ints
    _run: Ints
    _alarm_peak: Floats
    _alarm_last: Ints

    def __init__(self) -> None:
        super().__init__(
            peak=Slot("f4"),
            last=Slot("i4", (), -1),
            peaks=Slot("f2", (BINS,)),
            faded=Slot("i4"),
            run=Slot("u2"),
            alarm_peak=Slot("f4"),
            alarm_last=Slot("i4", (), -1),
        )

    def run_length(self, row: int) -> int:
        """Buckets in a row that were unusual, up to the last one learnt."""
        return int(self._run[row])

    def discount(self, rows: Rows, bucket: int, surprise: Floats) -> Floats:
        """Surprise less what similar past events take off; rows that surprise little are left alone."""
        out = surprise.copy()
        loud = np.flatnonzero(surprise > 0.5 * EVENT_FROM)
        if not len(loud):
            return out
        at, size = rows[loud], surprise[loud]
        faded = 0.5 ** ((bucket - self._faded[at]) / HALF_LIFE)
        peaks = self._peaks[:, at]
        similar = np.where(np.arange(BINS)[:, None] >= _bin(SIMILAR * size), peaks, 0.0).sum(axis=0) * faded
        closed = (self._last[at] >= 0) & (bucket - self._last[at] > MERGE_WITHIN)
        similar += closed & (self._peak[at] >= SIMILAR * size)
        out[loud] = np.maximum(size - STRENGTH * np.log10(1.0 + similar), 0.0)
        return out

    def first_alarm(self, rows: Rows, bucket: int, alarm: Floats) -> Floats:
        """The alarm where it exceeds that of the same ongoing event, else 0: an event is reported once, and again only
        when it gets clearly worse."""
        last = self._alarm_last[rows]
        ongoing = (last >= 0) & (bucket - last <= ALARM_WITHIN)
        return np.where(ongoing & (alarm <= self._alarm_peak[rows] + ALARM_MARGIN), 0.0, alarm)

    def forget(self, rows: Rows) -> None:
        """Forgets the latest events of these series, which may go on yet; those long over stay."""
        self._last[rows] = self._alarm_last[rows] = -1
        self._peak[rows] = 0.0

    def learn_alarm(self, rows: Rows, bucket: int, alarm: Floats) -> None:
        """Remembers the alarms that opened or raised an event."""
        loud = np.flatnonzero(alarm > ALARM_FROM)
        if len(loud):
            self._alarm_peak[rows[loud]] = alarm[loud]
            self._alarm_last[rows[loud]] = bucket

    def excuse(self, rows: Rows) -> None:
        """Lets past events fade where a bucket of one is explained by now."""
        self._peaks[:, rows] *= np.float16(EXCUSED)

    def learn(self, rows: Rows, bucket: int, surprise: Floats) -> None:
        """Files this bucket's surprises: they open, extend or close events."""
        run = self._run[rows]
        self._run[rows] = np.where(surprise >= RUNS_FROM, np.minimum(run + 1, LONGEST_RUN), 0)
        loud = np.flatnonzero(surprise > EVENT_FROM)
        if not len(loud):
            return
        at, size = rows[loud], surprise[loud]
        last, peak = self._last[at], self._peak[at]
        closed = (last >= 0) & (bucket - last > MERGE_WITHIN)
        done = at[closed]
        if len(done):
            fade = 0.5 ** ((bucket - self._faded[done]) / HALF_LIFE)
            self._peaks[:, done] *= fade.astype(np.float32)
            self._peaks[_bin(peak[closed]), done] += 1.0
            self._faded[done] = bucket
        self._peak[at] = np.where(closed, size, np.maximum(peak, size))
        self._last[at] = bucket


def _bin(surprise: Floats) -> Rows:
    return np.clip(surprise / _BIN_WIDTH, 0, BINS - 1).astype(np.intp)
