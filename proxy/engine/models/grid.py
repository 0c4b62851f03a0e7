"""The bins of the day and the week for a bucket span, and how long each remembers."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

DAY, WEEK = 86400, 604800
LEVEL_MEMORY = 2000
LEVEL_MEMORY_S = 14 * DAY
# Visits after which a bin forgets.
DAY_MEMORY, WEEK_MEMORY = 8.0, 4.0
# The day's pattern is used once it was seen twice, the week's once it was seen beside a day's pattern; each is put to
# the test for a day before that.
DAY_FROM, WEEK_FROM = 2 * DAY, 9 * DAY
DAY_TRIED, WEEK_TRIED = DAY_FROM - DAY, WEEK_FROM - DAY
# What wanders is told apart after so many buckets or, if that is less, as the day is.
LOCAL_BUCKETS = 100
# Visits of a bin that are told apart: in one byte, or in two where a bin holds many short buckets.
FEW_COUNTED, MANY_COUNTED = 250, 60000


@dataclass(frozen=True, slots=True)
class Grid:
    """Bins of the day and the week, and memories in buckets, for a bucket span in seconds."""

    span: int
    day_bins: int
    week_bins: int
    level_memory: float
    day_memory: float
    week_memory: float
    # Buckets that fall into a bin of the day and of the week each time.
    day_visit: int
    week_visit: int
    day_buckets: float
    # Whether there is a pattern within the day. Numpy's kind: to mix it with Python's takes thirty times as long.
    has_day: np.bool_

    @classmethod
    def of(cls, span: int) -> "Grid":
        """The grid for this bucket span; spans above half a day have no bins of the day."""
        day_bins = min(96, DAY // span) if span <= DAY // 2 else 1
        week_bins = max(1, min(168, WEEK // span))
        return cls(
            span,
            day_bins,
            week_bins,
            float(min(LEVEL_MEMORY, max(60, LEVEL_MEMORY_S // span))),
            DAY_MEMORY * max(1.0, DAY / day_bins / span),
            WEEK_MEMORY * max(1.0, WEEK / week_bins / span),
            max(1, DAY // day_bins // span),
            max(1, WEEK // week_bins // span),
            max(1.0, DAY / span),
            np.bool_(day_bins > 1),
        )

    @property
    def local_from(self) -> int:
        """Age in seconds from which what wanders on top of the patterns may be believed; it is tried for half of it."""
        return min(DAY_FROM, LOCAL_BUCKETS * self.span)

    @property
    def local_tried(self) -> int:
        """Age in seconds from which it is tried."""
        return self.local_from // 2

    @property
    def most_counted(self) -> int:
        """Visits of a bin after which they are counted no more: at least the memory of any bin."""
        return FEW_COUNTED if self.week_memory <= FEW_COUNTED else MANY_COUNTED

    def bins(self, time: int) -> tuple[int, int]:
        """Bin of the day and bin of the week."""
        return _bins(time, self.day_bins, self.week_bins)


# Every part of a model asks for those of its bucket.
@lru_cache(maxsize=64)
def _bins(time: int, day_bins: int, week_bins: int) -> tuple[int, int]:
    return (time % DAY) * day_bins // DAY, (time % WEEK) * week_bins // WEEK
