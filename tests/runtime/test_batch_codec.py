"""Batches as bytes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine import Batch, Column
from proxy.runtime.batch_codec import decode_batch, encode_batch
from proxy.runtime.ingest import Ingested

NAMES = st.text(st.characters(codec="utf-8"), max_size=6)


@st.composite
def ingested(draw: st.DrawFn) -> Ingested:
    rows = draw(st.integers(0, 20))
    times = draw(st.lists(st.integers(-(2**62), 2**62), min_size=rows, max_size=rows))
    text = {}
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        values = draw(st.lists(NAMES, max_size=5, unique=True))
        codes = draw(st.lists(st.integers(-1, len(values) - 1), min_size=rows, max_size=rows))
        text[name] = Column(np.array(codes, np.int32), values)
    floats = st.lists(st.floats(), min_size=rows, max_size=rows)
    numbers = {name: np.array(draw(floats), np.float64) for name in draw(st.lists(NAMES, max_size=3, unique=True))}
    counts = draw(st.lists(st.integers(0, 2**53), min_size=4, max_size=4))
    return Ingested(Batch(np.array(times, np.int64), text, numbers), *counts)


@given(ingested())
def test_a_batch_reads_back_bit_by_bit(original):
    read = decode_batch(encode_batch(original))
    assert read.batch.time.dtype == np.int64
    assert np.array_equal(read.batch.time, original.batch.time)
    assert list(read.batch.text) == list(original.batch.text)
    for name, column in original.batch.text.items():
        assert read.batch.text[name].values == column.values
        assert np.array_equal(read.batch.text[name].codes, column.codes)
    assert list(read.batch.numbers) == list(original.batch.numbers)
    for name, values in original.batch.numbers.items():
        assert read.batch.numbers[name].tobytes() == values.tobytes()
    for count in ("input_bytes", "input_field_count", "invalid_date_count", "missing_field_count"):
        assert getattr(read, count) == getattr(original, count)


def test_what_is_read_may_be_changed():
    batch = Batch(np.arange(3), {"t": Column(np.zeros(3, np.int32), ["x"])}, {"n": np.ones(3)})
    read = decode_batch(encode_batch(Ingested(batch))).batch
    read.time[0] = 9
    read.text["t"].codes[0] = -1
    read.numbers["n"][0] = 2.0
    assert batch.time.tolist() == [0, 1, 2]


def test_many_rows_of_few_values_take_little_room():
    codes = np.random.default_rng(7).integers(0, 10, 100_000).astype(np.int32)
    batch = Batch(np.arange(100_000), {"t": Column(codes, list("abcdefghij"))}, {})
    assert len(encode_batch(Ingested(batch))) < 500_000
