"""forecast.py step by step: what is added to the model's expectation, and how the bounds widen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.forecast import carried_on
from proxy.engine.models.patterns import Grid
from proxy.engine.models.series import Prediction

DAY = 86400


@dataclass(frozen=True)
class FlatModel:
    """A model that expects the same at all times: only what a forecast adds is left."""

    span: int
    grid: Grid
    columns: dict[str, np.ndarray]
    typical: np.ndarray
    spread: np.ndarray
    factor: np.ndarray

    def predict(self, time, rows, ahead):
        return Prediction(self.typical[rows], self.spread[rows], self.factor[rows], np.empty(0), np.empty(0))


@given(
    span=st.sampled_from([60, 3600, DAY]),
    slope=st.floats(-3, 3),
    typical=st.floats(-100, 100),
    spread=st.floats(0.1, 10),
    factor=st.floats(0.6, 6),
    low=st.floats(-10, 10),
    ahead=st.integers(0, 400),
)
def test_a_trend_is_believed_less_each_bucket_and_the_bounds_widen(span, slope, typical, spread, factor, low, ahead):
    columns = {"slope": np.array([9.0, slope]), "low": np.array([-9.0, low])}
    parts = (np.array([0.0, value]) for value in (typical, spread, factor))
    grid = replace(Grid.of(span), level_memory=500.0)
    model = FlatModel(span, grid, columns, *parts)
    found = [float(curve[0]) for curve in carried_on(model, 0, ahead, np.array([1]))]
    prediction, belief = typical, 1.0
    for _ in range(ahead):
        prediction += slope * belief
        belief *= 0.98 ** (span / DAY)
    width = 2.776 * spread * factor * math.sqrt(1.0 + ahead / 500.0)
    wanted = [prediction - width, prediction, prediction + width]
    # What never was negative is not forecast to be.
    assert found == pytest.approx([max(w, 0.0) if low >= 0 else w for w in wanted], rel=1e-9, abs=1e-9)
