"""distinct_count and info_content of text values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.features_text import TextPairs, distinct_counts, distinct_pairs, info_content
from tests.engine import naive_features_text as naive

VALUES = ["", "a", "b", "ab", "grüße", "\ud800", "x" * 300]
KEYS = st.one_of(st.integers(0, 5), st.sampled_from([-(2**61), 2**61]))
ROWS = st.lists(st.tuples(KEYS, st.integers(-1, len(VALUES) - 1)), max_size=30)


def columns(rows):
    return np.array([key for key, _ in rows], np.int64), np.array([code for _, code in rows], np.int32)


@settings(max_examples=200, deadline=None)
@given(rows=ROWS)
def test_both_features_agree_with_the_looping_twin(rows):
    expected = naive.texts_by_key((key, VALUES[code] if code >= 0 else None) for key, code in rows)
    pairs = distinct_pairs(*columns(rows))
    keys, counts = distinct_counts(pairs)
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == {k: len(v) for k, v in expected.items()}
    keys, lengths = info_content(pairs, VALUES)
    assert dict(zip(keys.tolist(), lengths.tolist(), strict=True)) == {
        key: naive.deflated_length(texts) for key, texts in expected.items()
    }


def test_random_strings_carry_more_information_than_repetitive_ones():
    random = np.random.default_rng(2)
    noise = ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 12)) for _ in range(20)]
    dull = [f"user-{number:07d}" for number in range(20)]
    key = np.repeat([0, 1], 20)
    _, lengths = info_content(distinct_pairs(key, np.arange(40)), noise + dull)
    assert lengths[0] > 2 * lengths[1]


def test_nothing_gives_nothing():
    keys, lengths = info_content(TextPairs.empty(), [])
    assert keys.size == lengths.size == distinct_counts(TextPairs.empty())[0].size == 0


def test_inputs_are_left_alone():
    key, code = np.array([3, 3, 1]), np.array([1, 1, -1])
    key.setflags(write=False)
    code.setflags(write=False)
    assert distinct_pairs(key, code).key.tolist() == [3]
