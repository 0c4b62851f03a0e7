"""Answers of the cluster as columns."""

import msgspec
import orjson
import pytest

from proxy.store.extraction.documents import last_sort
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.fields import Field, Place, Plan
from proxy.store.extraction.hits import HitReader
from proxy.store.extraction.pages import ABSENT
from proxy.store.extraction.values import milliseconds

PLAN = Plan(
    (
        Field("a", "a", Place.DOC_VALUES),
        Field("a.t", "a", Place.DOC_VALUES),
        Field("d", "d", Place.DOC_VALUES, milliseconds, is_date=True),
        Field("s", "s", Place.SCRIPT),
        Field("o.t", "o.t", Place.SOURCE),
    ),
    sorts_nanos=False,
)


def answer(*hits, **more):
    return orjson.dumps({"took": 1, **more, "hits": {"hits": [hit | {"sort": [5, 0]} for hit in hits]}})


def test_single_values_and_lists_are_told_apart():
    hits = [
        {"fields": {"a": ["x"], "d": ["7"], "s": [None]}, "_source": {"o": {"t": "text"}}},
        {"fields": {"a": ["x", "y"], "d": ["7", "8.5"], "s": [1, 2]}, "_source": {"o": {"t": ["p", "q"]}}},
        {},
    ]
    expected = {
        "a": ["x", ["x", "y"], ABSENT],
        "a.t": ["x", ["x", "y"], ABSENT],
        "d": [7, [7, 8], ABSENT],
        "s": [None, [1, 2], ABSENT],
        "o.t": ["text", ["p", "q"], ABSENT],
    }
    reader = HitReader(PLAN)
    assert reader.read(answer(*hits)) == ([5, 5, 5], expected)
    assert reader.read(answer(hits[0])) == ([5], {name: values[:1] for name, values in expected.items()})


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"o": {"t": "x"}}, "x"),
        ({"o.t": "x"}, "x"),
        ({"o": {"t": None}}, ABSENT),
        ({"o": {"t": []}}, ABSENT),
        ({"o": {"t": {"u": 1}}}, ABSENT),
        ({"o": [{"t": "x"}, {"t": "y"}]}, ABSENT),
        ({"o": "x"}, ABSENT),
        ({"o": {}, "o.t": "x"}, "x"),
    ],
)
def test_a_document_says_where_its_value_is(document, value):
    assert HitReader(PLAN).read(answer({"_source": document}))[1]["o.t"] == [value]


def test_no_hits_are_empty_columns():
    assert HitReader(PLAN).read(answer()) == ([], {name: [] for name in ("a", "a.t", "d", "s", "o.t")})


def test_an_answer_without_a_remote_cluster_is_none():
    with pytest.raises(ExtractionError) as raised:
        HitReader(PLAN).read(answer(_clusters={"total": 3, "successful": 1, "skipped": 2}))
    assert raised.value.cause == "[2] remote clusters out of [3] were skipped when performing datafeed search"
    assert HitReader(PLAN).read(answer(_clusters={"total": 3, "successful": 3, "skipped": 0}))[0] == []


def test_what_is_no_answer_is_refused():
    with pytest.raises(msgspec.DecodeError):
        HitReader(PLAN).read(b'{"hits":{"hits":[{"sort":1}]}}')


def test_the_last_sort_values_are_found_whatever_the_documents_say():
    hits = [{"_source": {"sort": [1], "x": '"sort":[9,9]'}, "sort": [5, 4], "matched_queries": ["sort"]}]
    assert last_sort(orjson.dumps({"hits": {"hits": hits}})) == [5, 4]
