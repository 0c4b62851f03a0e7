"""Moving a learnt daily and weekly pattern in time, as a rule or a calendar event asks (daylight saving).

After a shift by s seconds a model expects at time t what it expected at t + s. Patterns are tables of bins, so a shift
counts in whole bins; what is less than half a bin changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns

_PERIODS_S = {"day": 86400, "week": 604800}


def shift_patterns(columns: Columns, rows: NDArray[np.intp], seconds: int) -> None:
    """Rolls every table of day and week bins (columns named day*, week*) of these series."""
    for name, slot in columns.layout.items():
        period = _PERIODS_S.get(name.split("_")[0])
        if period is None or len(slot.shape) != 1:
            continue
        bins = round(seconds * slot.shape[0] / period)
        columns[name][:, rows] = np.roll(columns[name][:, rows], -bins, axis=0)
