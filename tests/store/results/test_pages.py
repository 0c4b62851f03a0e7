"""The fast ways from the cluster's text to the API's give what the tables give, for documents of any form."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.render import to_json
from proxy.store.results import docs as result_docs
from proxy.store.results.document_struct import Pages, Part
from proxy.store.results.document_table import Key, Table, to_long
from proxy.store.results.pages import BUCKETS, INFLUENCERS, RECORDS, stored_form

KINDS: dict[str, tuple[Pages, Table]] = {
    "bucket": (BUCKETS, result_docs.BUCKET),
    "record": (RECORDS, result_docs.RECORD),
    "influencer": (INFLUENCERS, result_docs.INFLUENCER),
}
NAMES = st.sampled_from(["airline", "host.name", "timestamp", "mlcategory", "", 'q"uo\\te', "ünï"])
DOUBLES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -5.0, 1e-3, 1e7, 9.99e6]))
LONGS = st.integers(-(2**53), 2**53)
TIMES = st.integers(0, 4_102_444_800_000)
INFLUENCES = st.lists(
    st.fixed_dictionaries({"influencer_field_name": NAMES, "influencer_field_values": st.lists(NAMES, max_size=3)}),
    max_size=3,
)
# Some of them as the product never writes them.
INGESTED = st.sampled_from(
    [{"ingested": 1_767_225_600_000}, {"ingested": 12}, {"ingested": True}, {}, {"kind": "x"}, "x"]
)
COMMON = {"job_id": st.just("j"), "timestamp": TIMES, "bucket_span": LONGS, "is_interim": st.booleans()}
FORMS = {
    "bucket": st.fixed_dictionaries(
        COMMON | {"anomaly_score": DOUBLES, "initial_anomaly_score": DOUBLES, "event_count": LONGS},
        optional={
            "scheduled_events": st.lists(NAMES, max_size=2),
            "bucket_influencers": st.lists(
                st.fixed_dictionaries({"anomaly_score": DOUBLES, "result_type": st.just("bucket_influencer")}),
                max_size=2,
            ),
            "result_type": st.just("bucket"),
        },
    ),
    "record": st.fixed_dictionaries(
        COMMON | {"probability": DOUBLES, "record_score": DOUBLES, "detector_index": LONGS},
        optional={
            "multi_bucket_impact": DOUBLES,
            "by_field_name": NAMES,
            "by_field_value": NAMES,
            "over_field_name": NAMES,
            "over_field_value": NAMES,
            "typical": st.lists(DOUBLES, max_size=2),
            "actual": st.lists(DOUBLES, max_size=2),
            "influencers": INFLUENCES,
            "causes": st.lists(
                st.fixed_dictionaries({"probability": DOUBLES}, optional={"actual": st.lists(DOUBLES)}), max_size=2
            ),
            "anomaly_score_explanation": st.fixed_dictionaries({"typical_value": DOUBLES}),
            "geo_results": st.fixed_dictionaries({"actual_point": st.just("1,2")}),
            "airline": st.lists(NAMES),
        },
    ),
    "influencer": st.fixed_dictionaries(
        COMMON | {"influencer_score": DOUBLES, "probability": DOUBLES},
        optional={"influencer_field_name": NAMES, "influencer_field_value": NAMES, "airline": NAMES},
    ),
}
# Forms that only the tables read: each must lead to the same text as if all had been read by them.
ODD_FORMS = (
    {"timestamp": "2016-06-01T00:00:00Z"},
    {"bucket_span": "3600"},
    {"is_interim": "true"},
    {"probability": None},
)


# How a document may have been stored, and stored again.
WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "the product": stored_form,
    "the cluster, at a partial update": orjson.dumps,
    "a script": lambda document: json.dumps(document).encode(),
    "a hand": lambda document: json.dumps(document, indent="\t").encode(),
    "a hand, without tabs": lambda document: json.dumps(document, indent=1).encode(),
}


def ingested(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Documents that say when they were first written, or something else in that place."""
    return st.builds(lambda document, event: document | {"event": event}, FORMS[kind], INGESTED)


RECORD = {
    "job_id": "j",
    "result_type": "record",
    "probability": 1e-10,
    "record_score": 60.0,
    "initial_record_score": 60.0,
    "bucket_span": 900,
    "detector_index": 0,
    "is_interim": False,
    "timestamp": 1_577_836_800_000,
    "by_field_name": "airline",
    "by_field_value": "AAL",
    "airline": ["AAL"],
}


def page(sources: Sequence[bytes]) -> bytes:
    """A search answer as the cluster writes it: everything but the sources is compact."""
    hits = b",".join(
        b'{"_index":"i","_id":"%d","_score":null,"_source":%b,"sort":[1.5,"a\\"b"]}' % (number, source)
        for number, source in enumerate(sources)
    )
    return b'{"took":1,"hits":{"total":{"value":7,"relation":"eq"},"max_score":null,"hits":[%b]}}' % hits


def shown(pages: Pages, answer: bytes) -> list[bytes]:
    return [b"{%b}" % text for text in pages.part(answer).texts]


@pytest.mark.parametrize("kind", list(KINDS))
@settings(deadline=None)
@given(data=st.data())
def test_documents_of_any_form_read_as_their_table_reads_them(kind: str, data: st.DataObject) -> None:
    documents = data.draw(st.lists(FORMS[kind] | ingested(kind), max_size=4))
    if documents and data.draw(st.booleans()):
        documents[-1] = documents[-1] | data.draw(st.sampled_from(ODD_FORMS))
    pages, table = KINDS[kind]
    sources = [WRITERS[data.draw(st.sampled_from(list(WRITERS)))](document) for document in documents]
    assert shown(pages, page(sources)) == [to_json(table.read(orjson.loads(source))) for source in sources]
    assert pages.part(page(sources)).total == 7


@pytest.mark.parametrize("kind", list(KINDS))
@settings(deadline=None)
@given(data=st.data())
def test_what_the_product_stores_is_the_document_or_what_the_api_shows_of_it(kind: str, data: st.DataObject) -> None:
    document = data.draw(FORMS[kind] | ingested(kind))
    pages, table = KINDS[kind]
    source = pages.source(document)
    read = orjson.loads(source)
    plain = {name: value for name, value in read.items() if name != "event"}
    assert read == document or to_json(plain) == to_json(table.read(document))
    assert {name: read[name] for name in document} == document


def test_a_result_of_the_products_own_is_not_read_again() -> None:
    answer = page([stored_form(RECORD), stored_form(RECORD | {"timestamp": 5})])
    husks, texts = RECORDS.seal.cut(answer)
    assert texts == [stored_form(one)[18:-2] for one in (RECORD, RECORD | {"timestamp": 5})]
    assert b"airline" not in husks


def test_when_a_result_was_first_written_stands_behind_its_text() -> None:
    ingested_record = RECORD | {"event": {"ingested": 1_767_225_600_000}}
    source = stored_form(ingested_record)
    assert orjson.loads(source) == ingested_record
    assert source == stored_form(RECORD)[:-1] + b',"event":{"ingested":1767225600000}}'
    for sources in ([source], [source, stored_form(RECORD)], [orjson.dumps(ingested_record), source]):
        assert set(shown(RECORDS, page(sources))) == {to_json(result_docs.RECORD.read(RECORD))}
    assert len(RECORDS.seal.cut(page([source, stored_form(RECORD)]))[1]) == 2


# What a text editor, rather than a program, might make of a sealed record.
EDITS = {
    "a score without its fraction": (b"60.0", b"60"),
    "another value": (b"AAL", b"BAA"),
    "a key more at the end": (b"\t}", b'\t,"odd":1}'),
    "a key more at the start": (b"{", b'{"odd":1,'),
    "a key more inside": (b'"result_type"', b'"odd":1,"result_type"'),
    "a space more": (b"\t}", b" \t}"),
    "a tab more": (b',"by', b',\t"by'),
    "no tab at the end": (b"\t}", b"}"),
    "no seal": (b"\t", b" "),
}


@pytest.mark.parametrize("edit", list(EDITS))
def test_an_edited_result_is_read(edit: str) -> None:
    sealed = stored_form(RECORD)
    edited = sealed.replace(*EDITS[edit], 1)
    assert edited != sealed
    for sources in ([edited], [sealed, edited], [edited, sealed], [sealed, edited, sealed]):
        expected = [to_json(result_docs.RECORD.read(orjson.loads(source))) for source in sources]
        assert shown(RECORDS, page(sources)) == expected


@pytest.mark.parametrize("wrapping", [b'{"job_id":"j","_source":%b}', b'{"_source":%b,"typical":[1]}', b'{"a":[%b]}'])
def test_a_sealed_result_inside_another_document_is_not_taken_for_it(wrapping: bytes) -> None:
    sources = [stored_form(RECORD), wrapping % stored_form(RECORD)]
    expected = [to_json(result_docs.RECORD.read(orjson.loads(source))) for source in sources]
    assert shown(RECORDS, page(sources)) == expected


def test_a_result_sealed_in_another_form_is_read() -> None:
    other = Table((*result_docs.RECORD.keys, Key("new", to_long, int)), result_docs.RECORD.finish)
    plain = {name: value for name, value in RECORD.items() if name not in ("by_field_name", "airline")}
    pages = Pages(other, "other", lambda _, text: text)
    source = pages.source(plain | {"new": 3})
    assert len(pages.seal.cut(page([source]))[1]) == 1
    assert RECORDS.seal.cut(page([source]))[1] == []
    assert shown(RECORDS, page([source])) == [to_json(result_docs.RECORD.read(plain))]


def test_what_json_cannot_hold_is_not_sealed() -> None:
    source = stored_form(RECORD | {"probability": float("nan")})
    assert orjson.loads(source)["probability"] is None
    assert b"\t" not in source


def test_a_later_part_of_a_page_has_no_total() -> None:
    assert BUCKETS.part(b'{"hits":{"hits":[]}}') == Part(0, [])


def test_an_influencers_copy_stands_behind_its_value_even_if_the_job_is_named_alike() -> None:
    source = {"job_id": '"influencer_field_name":"a"', "influencer_field_name": "a", "influencer_field_value": "b"}
    text = shown(INFLUENCERS, page([orjson.dumps(source)]))[0]
    assert list(orjson.loads(text))[2:5] == ["influencer_field_name", "influencer_field_value", "a"]
