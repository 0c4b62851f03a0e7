"""Posted data become the same batch in whatever form they come, and everything is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import MlError
from proxy.runtime import ingest as module
from proxy.runtime.field_values import as_text
from proxy.runtime.ingest import Fields, Ingested, fields_of, ingest

FIELDS = Fields("time", "epoch", text=("airline",), numbers=("responsetime",))


def read(*records: object, fields: Fields = FIELDS) -> Ingested:
    return ingest("\n".join(map(json.dumps, records)).encode(), fields)


def texts(ingested: Ingested, name: str = "airline") -> list[str | None]:
    column = ingested.batch.text[name]
    return [None if code < 0 else column.values[code] for code in column.codes]


def same(first: Ingested, second: Ingested) -> bool:
    """Equal in all but the bytes read."""
    counts = ("input_field_count", "invalid_date_count", "missing_field_count")
    return (
        first.batch.time.tolist() == second.batch.time.tolist()
        and all(texts(first, name) == texts(second, name) for name in first.batch.text)
        and all(np.array_equal(a, second.batch.numbers[n], equal_nan=True) for n, a in first.batch.numbers.items())
        and all(getattr(first, name) == getattr(second, name) for name in counts)
    )


def test_the_documented_example_counts_as_documented():
    record = {"airline": "AAL", "responsetime": 132.2, "sourcetype": "farequote"}
    ingested = read({**record, "time": 1403481600}, {**record, "time": 1403481700, "airline": "JZA"})
    assert ingested.batch.time.tolist() == [1403481600, 1403481700]
    assert texts(ingested) == ["AAL", "JZA"]
    assert ingested.batch.numbers["responsetime"].tolist() == [132.2, 132.2]
    assert (ingested.input_field_count, ingested.missing_field_count, ingested.invalid_date_count) == (6, 0, 0)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"time": st.integers(0, 2_000_000_000)},
        optional={
            "airline": st.text(max_size=5) | st.none() | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
            "responsetime": st.floats(-1e9, 1e9)
            | st.integers(-100, 100)
            | st.sampled_from(["1.5", "x", "", None, True]),
            "deep": st.fixed_dictionaries({"er": st.text(max_size=3)}),
            "list": st.lists(st.integers(0, 9) | st.text(max_size=2), max_size=3),
        },
    ),
    max_size=8,
)
WIDE = Fields("time", "epoch", text=("airline", "deep.er", "list"), numbers=("responsetime", "list"))
SHAPES = {
    "lines": lambda texts: "\n".join(texts),
    "lines of another system": lambda texts: "\r\n".join([*texts, ""]),
    "side by side": lambda texts: "".join(texts),
    "spaced": lambda texts: "  \t" + "   ".join(texts) + "\n\n",
    "blank lines": lambda texts: "\n\n".join(["", *texts, ""]),
    "a list": lambda texts: "[" + ",".join(texts) + "]",
    "a list over lines": lambda texts: " [\n" + ",\n".join(texts) + "\n]\n",
}


@given(RECORDS, st.sampled_from([None, 2]), st.booleans())
def test_every_form_gives_the_same_batch(records, indent, ascii_only):
    whole = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    expected = ingest("\n".join(whole).encode(), WIDE)
    written = [json.dumps(record, ensure_ascii=ascii_only, indent=indent) for record in records]
    for name, shape in SHAPES.items():
        body = shape(written).encode()
        ingested = ingest(body, WIDE)
        assert same(ingested, expected), name
        assert ingested.input_bytes == len(body)


@given(RECORDS, st.integers(1, 80))
@settings(deadline=None)
def test_the_size_of_chunks_does_not_matter(records, chunk_bytes):
    body = "\n".join(map(json.dumps, records)).encode()
    expected = ingest(body, WIDE)
    usual, module._CHUNK_BYTES = module._CHUNK_BYTES, chunk_bytes
    try:
        assert same(ingest(body, WIDE), expected)
    finally:
        module._CHUNK_BYTES = usual


@given(RECORDS)
def test_records_are_counted_one_by_one_or_all_at_once(records):
    whole = ingest("\n".join(map(json.dumps, records)).encode(), WIDE)
    singly = [ingest(json.dumps(record).encode(), WIDE) for record in records]
    for name in ("input_field_count", "invalid_date_count", "missing_field_count"):
        assert getattr(whole, name) == sum(getattr(one, name) for one in singly)


def test_nothing_is_an_empty_batch():
    for body in (b"", b"  \n ", b"[]"):
        ingested = ingest(body, FIELDS)
        assert (len(ingested.batch.time), ingested.input_field_count) == (0, 0)
        assert ingested.batch.numbers["responsetime"].shape == (0,)


def test_nested_objects_have_dotted_names_and_lists_become_one_text():
    fields = Fields("time", "epoch", text=("a.b.c", "tags"), numbers=())
    ingested = read({"time": 1, "a": {"b": {"c": "x"}}, "tags": ["p", 7, True, None, {"q": 1}, ["r"]]}, fields=fields)
    assert texts(ingested, "a.b.c") == ["x"]
    assert texts(ingested, "tags") == ["p,7,true,"]
    assert ingested.missing_field_count == 0


def test_nesting_may_be_as_deep_as_the_parser_takes():
    deep = b'{"time":1,"a":' + b'{"b":' * 900 + b'"x"' + b"}" * 901
    assert ingest(deep, FIELDS).batch.time.tolist() == [1]
    assert len(ingest(b'{"time":1,"a":' + b"[" * 5000 + b"]" * 5000 + b"}", FIELDS).batch.time) <= 1


def test_the_time_may_be_nested():
    fields = Fields("event.time", "epoch", text=(), numbers=())
    ingested = read({"event": {"time": 5, "id": "x"}}, fields=fields)
    assert (ingested.batch.time.tolist(), ingested.input_field_count) == ([5], 1)


def test_null_is_an_empty_text_and_no_number():
    ingested = read({"time": 1, "airline": None, "responsetime": None})
    assert texts(ingested) == [""]
    assert np.isnan(ingested.batch.numbers["responsetime"]).all()
    assert ingested.missing_field_count == 0, "the field was there"


def test_a_missing_field_is_counted_and_missing():
    ingested = read({"time": 1}, {"time": 2, "airline": "x"})
    assert texts(ingested) == [None, "x"]
    assert ingested.missing_field_count == 3
    assert ingested.input_field_count == 1


def test_numbers_may_be_texts_and_texts_numbers():
    ingested = read(
        {"time": "1", "airline": 17, "responsetime": "1.5e1"},
        {"time": 2.9, "airline": True, "responsetime": "x"},
        {"time": 3, "airline": 1.5, "responsetime": "Infinity"},
        {"time": 4, "airline": "", "responsetime": [7]},
    )
    assert ingested.batch.time.tolist() == [1, 2, 3, 4]
    assert texts(ingested) == ["17", "true", "1.5", ""]
    numbers = ingested.batch.numbers["responsetime"].tolist()
    assert numbers[0] == 15.0
    assert all(number != number for number in numbers[1:3])


@pytest.mark.parametrize("time", ["x", "", None, True, [1], 1e300, -1e300, "nan", 99999999999999])
def test_a_bad_time_drops_the_record_and_is_counted(time):
    ingested = read({"time": time, "airline": "x"}, {"time": 7, "airline": "y", "responsetime": 1})
    assert ingested.batch.time.tolist() == [7]
    assert texts(ingested) == ["y"]
    assert (ingested.invalid_date_count, ingested.missing_field_count) == (1, 0)
    assert ingested.input_field_count == 3


@pytest.mark.parametrize("time", [-(1 << 63), (1 << 63) - 1, 1 << 64])
@pytest.mark.parametrize("time_format", ["epoch", "epoch_ms"])
def test_the_ends_of_what_integers_hold_are_no_dates(time, time_format):
    fields = Fields("time", time_format, text=(), numbers=())
    ingested = read({"time": 7_000}, {"time": time}, fields=fields)
    assert (len(ingested.batch.time), ingested.invalid_date_count) == (1, 1)


def test_a_missing_time_is_also_a_missing_field():
    ingested = read({"airline": "x", "responsetime": 1})
    assert (ingested.invalid_date_count, ingested.missing_field_count) == (1, 1)
    assert ingested.input_field_count == 2


def test_times_follow_their_format():
    in_ms = Fields("t", "epoch_ms", text=(), numbers=())
    assert read({"t": 1403481600999}, {"t": "1403481600001"}, fields=in_ms).batch.time.tolist() == [1403481600] * 2
    pattern = Fields("t", "yyyy-MM-dd HH:mm:ssX", text=(), numbers=())
    ingested = read({"t": "2014-06-23 00:00:00Z"}, {"t": "2014-06-23"}, fields=pattern)
    assert (ingested.batch.time.tolist(), ingested.invalid_date_count) == ([1403481600], 1)


def test_what_the_first_record_was_read_as_says_nothing_of_the_next():
    assert read({"time": 1}, {"time": True}, {"time": 1.0}).invalid_date_count == 1


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_encoding_of_json_gives_the_same_batch(encoding, shape):
    written = [json.dumps({"time": n, "airline": "Ærø 航空", "responsetime": n}, ensure_ascii=False) for n in range(3)]
    body = SHAPES[shape](written).encode(encoding)
    ingested = ingest(body, FIELDS)
    assert same(ingested, ingest(SHAPES[shape](written).encode(), FIELDS))
    assert texts(ingested) == ["Ærø 航空"] * 3
    assert ingested.input_bytes == len(body)


def test_byte_order_marks_of_joined_files_cost_no_record():
    file = "\ufeff" + json.dumps({"time": 1, "airline": "a", "responsetime": 1}) + "\n"
    assert len(ingest((file * 3).encode(), FIELDS).batch.time) == 3


@pytest.mark.parametrize("size", [19, 20, 21, 400, 5000])
@pytest.mark.parametrize("glue", ["\n", " "], ids=["lines", "spaced"])
def test_integers_of_any_size_are_read_and_never_a_crash(size, glue):
    huge = "9" * size
    record = f'{{"time":7,"airline":{huge},"responsetime":{huge}}}'
    ingested = ingest(glue.join([record, '{"time":8,"airline":"x","responsetime":1}']).encode(), FIELDS)
    assert ingested.batch.time.tolist() == [7, 8]
    number = ingested.batch.numbers["responsetime"][0]
    assert number == float(huge) if size < 300 else np.isnan(number)


GOOD, BAD = '{"time":1,"airline":"a","responsetime":1}', '{"time":1,"airline":}'


@pytest.mark.parametrize("glue", ["\n", "", " "])
def test_up_to_a_hundred_malformed_objects_are_passed_over(glue):
    ingested = ingest(glue.join([GOOD, *[BAD] * 100, GOOD]).encode(), FIELDS)
    assert ingested.batch.time.tolist() == [1, 1]


@pytest.mark.parametrize("glue", ["\n", "", " "])
def test_more_than_a_hundred_malformed_objects_are_refused(glue):
    with pytest.raises(MlError) as caught:
        ingest(glue.join([GOOD, *[BAD] * 101, GOOD]).encode(), FIELDS)
    error = caught.value
    assert (error.type, error.status, error.reason) == ("parse_exception", 400, "The input JSON data is malformed.")


def test_what_stands_before_a_malformed_object_counts_once():
    many = [json.dumps({"time": n, "airline": "a", "responsetime": n}) for n in range(500)]
    usual, module._CHUNK_BYTES = module._CHUNK_BYTES, 1000
    try:
        ingested = ingest("\n".join([*many, BAD, GOOD]).encode(), FIELDS)
    finally:
        module._CHUNK_BYTES = usual
    assert ingested.batch.time.tolist() == [*range(500), 1]


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{" * 5000, b'"text" 5 null', b'{"time":1', b"[[1],[2]]", b"}" * 50])
def test_rubbish_is_never_a_crash(body):
    assert len(ingest(body, FIELDS).batch.time) == 0


def test_broken_utf8_costs_only_its_record_at_most():
    ingested = ingest(b'{"time":1,"airline":"\xff","responsetime":1}\n' + GOOD.encode(), FIELDS)
    assert ingested.batch.time.tolist()[-1] == 1


def test_half_a_surrogate_pair_is_replaced():
    ingested = ingest(b'{"time":1,"airline":"a\\ud800"}\n' + GOOD.encode(), FIELDS)
    assert texts(ingested) == ["a?", "a"]


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_every_value_has_a_text(value):
    assert isinstance(as_text(value), str)


def test_fields_come_from_the_job():
    config = {"data_description": {"time_field": "t", "time_format": "epoch"}}
    assert fields_of(config, ["a"], ["a", "b"]) == Fields("t", "epoch", ("a",), ("a", "b"))
    assert fields_of({}, [], []).time_field == "time"
    assert fields_of(config, ["a"], ["a", "b"]).analysed == ("a", "b")
