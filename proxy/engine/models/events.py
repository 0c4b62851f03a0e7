"""Past events of a series: an anomaly like many before it is less of one.

Surprises (-log10 p) above EVENT_FROM that lie within MERGE_WITHIN buckets form one event, known by its peak.
A surprise is discounted by log10(1 + events with a peak of at least 0.8 of it). Memory halves every
HALF_LIFE buckets.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

EVENT_FROM = 2.0
# A run of buckets with p < 0.1 is one anomaly, for anomaly_length.
RUNS_FROM = 1.0
MERGE_WITHIN = 12
HALF_LIFE = 3000.0
SIMILAR = 0.8
STRENGTH = 1.0
# An alarm within so many buckets of the last one belongs to the same event.
ALARM_WITHIN = 150
ALARM_FROM = 1.0
# An ongoing event is news again where its alarm grows by more than this.
ALARM_MARGIN = 0.5
# What past events keep of their weight with every bucket that turns out to have been a habit.
EXCUSED = 0.9
BINS = 24
_BIN_WIDTH = 0.5

SLOTS = {
    "event_peak": Slot("f4"),
    "event_last": Slot("i4", (), -1),
    "event_peaks": Slot("f2", (BINS,)),
    "event_faded": Slot("i4"),
    "event_run": Slot("u2"),
    "alarm_peak": Slot("f4"),
    "alarm_last": Slot("i4", (), -1),
}


def _bin(surprise: Floats) -> NDArray[np.intp]:
    return np.clip(surprise / _BIN_WIDTH, 0, BINS - 1).astype(np.intp)


def discount(columns: Columns, rows: NDArray[np.intp], bucket: int, surprise: Floats) -> Floats:
    """Surprise less what similar past events take off; rows that surprise little are left alone."""
    out = surprise.copy()
    loud = np.flatnonzero(surprise > 0.5 * EVENT_FROM)
    if not len(loud):
        return out
    at, size = rows[loud], surprise[loud]
    faded = 0.5 ** ((bucket - columns["event_faded"][at]) / HALF_LIFE)
    peaks = columns["event_peaks"][:, at]
    similar = np.where(np.arange(BINS)[:, None] >= _bin(SIMILAR * size), peaks, 0.0).sum(axis=0) * faded
    closed = (columns["event_last"][at] >= 0) & (bucket - columns["event_last"][at] > MERGE_WITHIN)
    similar += closed & (columns["event_peak"][at] >= SIMILAR * size)
    out[loud] = np.maximum(size - STRENGTH * np.log10(1.0 + similar), 0.0)
    return out


def first_alarm(columns: Columns, rows: NDArray[np.intp], bucket: int, alarm: Floats) -> Floats:
    """The alarm where it exceeds that of the same ongoing event, else 0: an event is news once, and again only
    when it gets clearly worse."""
    last = columns["alarm_last"][rows]
    ongoing = (last >= 0) & (bucket - last <= ALARM_WITHIN)
    return np.where(ongoing & (alarm <= columns["alarm_peak"][rows] + ALARM_MARGIN), 0.0, alarm)


def call_off(columns: Columns, rows: NDArray[np.intp]) -> None:
    """Forgets the latest events of these series, which may go on yet; those long over stay."""
    columns["event_last"][rows] = columns["alarm_last"][rows] = -1
    columns["event_peak"][rows] = 0.0


def learn_alarm(columns: Columns, rows: NDArray[np.intp], bucket: int, alarm: Floats) -> None:
    """Remembers the alarms that opened or raised an event."""
    loud = np.flatnonzero(alarm > ALARM_FROM)
    if len(loud):
        columns["alarm_peak"][rows[loud]] = alarm[loud]
        columns["alarm_last"][rows[loud]] = bucket


def excuse(columns: Columns, rows: NDArray[np.intp]) -> None:
    """Lets past events fade where a bucket of one is explained by now."""
    columns["event_peaks"][:, rows] *= np.float16(EXCUSED)


def learn(columns: Columns, rows: NDArray[np.intp], bucket: int, surprise: Floats) -> None:
    """Files this bucket's surprises: they open, extend or close events."""
    run = columns["event_run"][rows]
    columns["event_run"][rows] = np.where(surprise >= RUNS_FROM, np.minimum(run + 1, 60000), 0)
    loud = np.flatnonzero(surprise > EVENT_FROM)
    if not len(loud):
        return
    at, size = rows[loud], surprise[loud]
    last, peak = columns["event_last"][at], columns["event_peak"][at]
    closed = (last >= 0) & (bucket - last > MERGE_WITHIN)
    done = at[closed]
    if len(done):
        fade = 0.5 ** ((bucket - columns["event_faded"][done]) / HALF_LIFE)
        columns["event_peaks"][:, done] *= fade.astype(np.float32)
        columns["event_peaks"][_bin(peak[closed]), done] += 1.0
        columns["event_faded"][done] = bucket
    columns["event_peak"][at] = np.where(closed, size, np.maximum(peak, size))
    columns["event_last"][at] = bucket
