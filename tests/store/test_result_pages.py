"""The fast way from the cluster's text to the API's gives what the tables give, for documents of any form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.render import java_double, to_json
from proxy.store import result_docs
from proxy.store.document_struct import Pages
from proxy.store.document_table import Table
from proxy.store.result_pages import bucket_pages, influencer_pages, record_pages

KINDS: dict[str, tuple[Pages, Table]] = {
    "bucket": (bucket_pages(java_double), result_docs.BUCKET),
    "record": (record_pages(java_double), result_docs.RECORD),
    "influencer": (influencer_pages(java_double), result_docs.INFLUENCER),
}
NAMES = st.sampled_from(["airline", "host.name", "timestamp", "mlcategory", "", 'q"uo\\te', "ünï"])
DOUBLES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -5.0, 1e-3, 1e7, 9.99e6]))
LONGS = st.integers(-(2**53), 2**53)
TIMES = st.integers(0, 4_102_444_800_000)
INFLUENCES = st.lists(
    st.fixed_dictionaries({"influencer_field_name": NAMES, "influencer_field_values": st.lists(NAMES, max_size=3)}),
    max_size=3,
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


def page(documents: list[dict[str, Any]]) -> bytes:
    hits = [{"_index": "i", "_id": str(number), "_source": source} for number, source in enumerate(documents)]
    return orjson.dumps({"took": 1, "hits": {"total": {"value": 7, "relation": "eq"}, "hits": hits}})


@pytest.mark.parametrize("kind", list(KINDS))
@settings(deadline=None)
@given(data=st.data())
def test_documents_of_any_form_read_as_their_table_reads_them(kind: str, data: st.DataObject) -> None:
    documents = data.draw(st.lists(FORMS[kind], max_size=4))
    if documents and data.draw(st.booleans()):
        documents[-1] = documents[-1] | data.draw(st.sampled_from(ODD_FORMS))
    pages, table = KINDS[kind]
    assert pages.texts(page(documents)) == (7, [to_json(table.read(source)) for source in documents])


def test_a_later_part_of_a_page_has_no_total() -> None:
    assert KINDS["bucket"][0].texts(b'{"hits":{"hits":[]}}') == (0, [])


def test_an_influencers_copy_stands_behind_its_value_even_if_the_job_is_named_alike() -> None:
    source = {"job_id": '"influencer_field_name":"a"', "influencer_field_name": "a", "influencer_field_value": "b"}
    text = KINDS["influencer"][0].texts(page([source]))[1][0]
    assert list(orjson.loads(text))[2:5] == ["influencer_field_name", "influencer_field_value", "a"]
