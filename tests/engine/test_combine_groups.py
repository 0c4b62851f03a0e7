"""Many groups of probabilities combine at once to what each combines to alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.probability import combine_groups_ln, combine_ln

P = st.sampled_from([1.0, 0.7, 0.3, 0.05, 0.03, 1e-3, 1e-6, 1e-40, 1e-299, 0.0])


@pytest.mark.parametrize("style", [(0.5, 0.5, 5), (0.0, 1.0, 1), (0.5, 0.5, 1)])
@settings(max_examples=100, deadline=None)
@given(groups=st.lists(st.lists(P, min_size=1, max_size=9), min_size=1, max_size=6))
def test_groups_combine_as_they_would_alone(style, groups):
    starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])[:-1]])
    p = np.concatenate([np.array(group) for group in groups])
    expected = [combine_ln(np.array(group), *style) for group in groups]
    np.testing.assert_allclose(combine_groups_ln(p, starts, *style), expected, rtol=1e-9, atol=1e-12)
