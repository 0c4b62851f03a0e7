"""Bodies as text: values, positions, and the words about texts that are no JSON, compared with the cluster's own."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.body_text import MAX_DEPTH, BodyText
from proxy.errors import MlError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def refusal(raw: bytes | str) -> MlError:
    with pytest.raises(MlError) as caught:
        BodyText(raw.encode() if isinstance(raw, str) else raw)
    return caught.value


def parts(value: object, path: tuple[str | int, ...] = ()):
    """Every part of a value with its path."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from parts(inner, (*path, key))


@given(JSON, st.sampled_from([None, 0, 3]), st.booleans())
def test_every_part_is_found_where_it_stands(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    body = BodyText(text.encode())
    assert body.value == value
    decoder = json.JSONDecoder()
    for path, part in parts(value):
        start, end = body.offset(path, "value"), body.offset(path, "end")
        assert decoder.raw_decode(text, start)[0] == part
        if isinstance(part, dict | list):
            assert json.loads(text[start : end + 1]) == part
        if path and isinstance(path[-1], str):
            assert decoder.raw_decode(text, body.offset(path, "name"))[0] == path[-1]


@given(JSON, st.sampled_from([None, 2]))
def test_line_and_column_lead_to_the_same_byte(value, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    body = BodyText(text.encode())
    lines = text.encode().split(b"\n")
    for path, _ in parts(value):
        line, column = body.position(path, "value")
        offset = len(text[: body.offset(path, "value")].encode())
        assert sum(len(above) + 1 for above in lines[: line - 1]) + column - 1 == offset


def test_a_lone_object_stands_for_the_list_of_one_that_it_is_read_as():
    body = BodyText(b'{"detectors": {"function": "count"}}')
    assert body.position(("detectors", 0, "function"), "value") == body.position(("detectors", "function"), "value")


def test_comments_count_as_blanks():
    body = BodyText(b'{ // a: "b"\n "url": "http://x/*y*/", /* c\n */ "n": 1 }')
    assert body.value == {"url": "http://x/*y*/", "n": 1}
    assert body.position(("n",), "value") == (3, 10)


def test_a_byte_order_mark_is_skipped():
    assert BodyText(b'\xef\xbb\xbf{"a":1}').value == {"a": 1}


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept():
    assert BodyText(rb'{"a":"x\ud800","b":"\ud83d\ude00"}').value == {"a": "x?", "b": "\U0001f600"}


@pytest.mark.parametrize(
    "text", ["/* " * 700_000, "//" + '\\"' * 1_000_000, "[" * 501 + '\\"' * 1_000_000, '"' * 2_000_001]
)
def test_what_begins_a_million_times_and_never_ends_is_looked_at_once(text):
    started = time.perf_counter()
    assert refusal(text.encode()).status == 400
    assert time.perf_counter() - started < 10, "to look behind each of them again would take days"


def test_what_only_begins_like_a_comment_is_none():
    assert "Unexpected character ('/' (code 47))" in refusal('{"a":1 /* b }').reason
    assert "'/'" in refusal('{"a": /').reason


@pytest.mark.scenario(13)
def test_depth_is_bounded_without_exhausting_the_stack():
    assert BodyText(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).value
    too_deep = refusal(b'{"a":' * 100_000)
    assert too_deep.status == 400
    assert too_deep.reason.startswith("Document nesting depth")
    assert BodyText(json.dumps("[" * 2000).encode()).value == "[" * 2000, "brackets inside a text are no depth"


def test_numbers_of_thousands_of_digits_are_refused():
    assert refusal('{"a":' + "1" * 5001 + "}").reason.startswith("Number value length (5001) exceeds")
    assert refusal('{"a":0.' + "1" * 5001 + "}").caused_by.type == "stream_constraints_exception"


@pytest.mark.parametrize("raw", [b'{"a":"\xff"}', b'{"a":"\xc3"}', b'{"a":"\xe2\x82"}'])
def test_broken_utf8_is_refused_at_its_byte(raw):
    error = refusal(raw)
    assert (error.type, error.status) == ("x_content_parse_exception", 400)
    assert error.reason.startswith("[1:"), error.reason
    assert "Invalid UTF-8" in error.reason


def test_what_follows_the_body_is_refused():
    assert "was expecting the end of the body" in refusal('{"a":1} {"b":2}').reason


def ours(text: str) -> tuple[str, str, str] | None:
    try:
        BodyText(text.encode())
    except MlError as error:
        return error.type, error.reason, error.caused_by.reason
    return None


MALFORMED = [
    '{"a":1,"a":2}', '{"é":{"b":1},\n "b":[],\n "é":2}', '{"a":', '{"a"', '{"a', '{"', "{", '{"a":1,', '{"a":[1,',
    '{"a":"x', '{"a":true', '{"a":[1,2', '{"a":}', '{"a":,}', '{"a":[,]}', '{"a":[1,]}', '{"a":1,}', "{,}", '{"a"}',
    '{"a" 1}', '{"a":1 "b":2}', '{"a":[1 2]}', '{"a":1]', '{"a":[1}', '{"a":[}', "{]", '{"a":tru}', '{"a":tru',
    '{"a":nope,"b":1}', '{a:1}', "{'a':1}", '{"a":NaN}', '{"a":-Infinity}', '{"a":01}', '{"a":-01}', '{"a":1.}',
    '{"a":-}', '{"a":+1}', '{"a":.5}', '{"a":1e}', '{"a":1a}', '{"a":"\t"}', '{"a":"\\q"}', '{"a":"\\u12"}',
    '{"a":x\n}', '{"a":nil é}', '{"a":-.5}', '{"a":[-.]}', '{"a":\x01}', '{"a":"' + "x" * 600 + '","a":1}',
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_body_is_refused_in_the_words_of_the_cluster(text, cluster_client):
    answer = cluster_client.put("/lanewatch-malformed", body=text)
    assert answer.status == 400, answer.text
    error = answer.json()["error"]
    assert ours(text) == (error["type"], error["reason"], error["caused_by"]["reason"])


GOOD = '{"a":{"b":[1,-2.5e3,"x\\u00e9\\n",true,null,{}],"k":"l"}, "c" :\n [ {"x": false} , [ ] ]}'


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, len(GOOD)), st.integers(0, 2), st.sampled_from(["", *'{}[]:,"1x\\ ']))
def test_a_body_with_a_slip_is_refused_in_the_words_of_the_cluster(cluster_client, at, dropped, typed):
    text = GOOD[:at] + typed + GOOD[at + dropped :]
    answer = cluster_client.put("/lanewatch-malformed", body=text)
    error = answer.json()["error"]
    theirs = (error["type"], error["reason"], error["caused_by"]["reason"]) if "caused_by" in error else None
    mine = ours(text)
    if theirs is None:
        assert mine is None or "was expecting the end of the body" in mine[1]  # what follows, the cluster ignores
    else:
        assert mine == theirs


def test_looking_for_one_part_takes_no_entry_for_each_of_millions():
    body = BodyText(b'{"many":[' + b"1," * 500_000 + b'1],"last":{"x":2}}')
    tracemalloc.start()
    assert body.position(("last", "x"), "value") == (1, 1_000_025)
    assert body.position(("many", 3), "value") == (1, 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000, "one entry each would be hundreds of megabytes"
