"""The table in field_values.py, cell by cell: what a record's value means in each role."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine import JobEngine
from proxy.job_config.engine_spec import spec_from
from proxy.runtime.field_values import TextColumn, as_text, number_column, text_column
from proxy.runtime.ingest import fields_of, ingest
from proxy.store.extraction.pages import ABSENT

NULLS = [None, "", []]


def counted(role: str, value: object, **detector: object) -> tuple[list[int], list[str]]:
    """(records of the bucket, entities known of it) of a job given one record whose field ``x`` has this value."""
    analysis = {"bucket_span": "1h", "detectors": [{"function": "count", **detector}], "influencers": []}
    if role == "summary_count":
        analysis["summary_count_field_name"] = "x"
    else:
        analysis["detectors"][0] |= {f"{role}_field_name": "x"}
    config = {"analysis_config": analysis, "data_description": {"time_format": "epoch"}}
    spec = spec_from(config)
    record = {"time": 5} if value is ABSENT else {"time": 5, "x": value}
    engine = JobEngine(spec)
    ingested = ingest(json.dumps(record).encode(), fields_of(config, spec.text_fields, spec.number_fields))
    engine.add(ingested.batch)
    results = engine.flush(advance_to=3600)
    model = engine._detectors[0]
    names = (
        list(model.state()["over"]["texts"]) if role == "over" else [key[role == "by"] for key in model.registry.keys]
    )
    return [bucket["event_count"] for bucket in results.buckets], names


@pytest.mark.parametrize("value", [ABSENT, *NULLS])
@pytest.mark.parametrize("use_null", [False, True])
def test_a_record_without_partition_belongs_to_the_one_without_a_name(value, use_null):
    assert counted("partition", value, use_null=use_null) == ([1], [""])


@pytest.mark.parametrize("value", [ABSENT, *NULLS])
@pytest.mark.parametrize("role", ["by", "over"])
def test_a_record_without_by_or_over_value_is_analysed_if_asked(role, value):
    assert counted(role, value)[1] == []
    assert counted(role, value, use_null=True)[1] == [""]


@pytest.mark.parametrize(("value", "text"), [(-1, "-1"), (1.5, "1.5"), (True, "true"), (["a", 7], "a,7"), ("é", "é")])
@pytest.mark.parametrize("role", ["partition", "by", "over"])
def test_any_value_names_an_entity_by_its_text(role, value, text):
    assert counted(role, value)[1] == [text]


@pytest.mark.parametrize(
    ("value", "records"),
    [
        *((none, 0) for none in (ABSENT, *NULLS, "many", True, "NaN", "Infinity", [1, 2])),
        *((less, 0) for less in (0, -1, -3000, -0.4, 0.49, "-2")),
        *(((1.4, 1), (0.5, 1), (2.5, 3), (1.5, 2), ("7", 7), ([3], 3), (50, 50))),
    ],
)
def test_a_summary_count_is_a_whole_number_above_zero(value, records):
    assert counted("summary_count", value)[0] == [records]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (-1.5, -1.5),
        ("1e3", 1000.0),
        (" 7 ", 7.0),
        ([7], 7.0),
        *((unread, math.nan) for unread in (ABSENT, *NULLS, True, "x", "1_000", "١٢", "0x10", "inf", "nan", 10**400)),
        *((unread, math.nan) for unread in ([1, 2], {"a": 1}, math.inf, math.nan)),
    ],
)
def test_a_metric_is_a_finite_number_or_none(value, number):
    alone, among = number_column([value]), number_column([2, value, 3.5])
    assert np.array_equal(alone, [number], equal_nan=True)
    assert np.array_equal(among, [2, number, 3.5], equal_nan=True)


VALUES = st.lists(st.none() | st.just(ABSENT) | st.text(max_size=3) | st.integers() | st.booleans(), max_size=9)


@given(VALUES, VALUES)
def test_a_column_is_the_same_however_it_came_in_chunks(first, second):
    column = TextColumn()
    column.add(first)
    column.add(second)
    chunked, whole = column.finish(), text_column(first + second)
    assert (chunked.codes.tolist(), chunked.values) == (whole.codes.tolist(), whole.values)
    named = [None if code < 0 else whole.values[code] for code in whole.codes]
    assert named == [text and text.encode("utf-8", "replace").decode() for text in map(as_text, first + second)]
