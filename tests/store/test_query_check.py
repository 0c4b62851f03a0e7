"""Which queries the cluster can read."""

from __future__ import annotations

import pytest

from proxy.errors import MlError
from proxy.job_config.datafeed import DEFAULT_QUERY
from proxy.store.query_check import check_query

LOOKUP = {"terms": {"host": {"index": "nowhere-at-all", "id": "1", "path": "hosts"}}}
READABLE = [
    DEFAULT_QUERY,
    {"term": {"no_such_field": "x"}},
    {"range": {"time": {"gte": "no time"}}},
    {"bool": {"filter": [{"exists": {"field": "a"}}], "must_not": []}},
    LOOKUP,
]


@pytest.mark.parametrize("query", READABLE, ids=str)
async def test_whatever_is_a_query_is_taken(loop, store_client, names, query):
    await check_query(store_client, names, query)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"mach_all": {}}, "unknown query [mach_all]"),
        ({"term": {"a": {"valeu": 1}}}, "[term] query does not support [valeu]"),
        ({"bool": {"filtr": {}}}, "filtr"),
    ],
)
async def test_what_is_none_is_refused_with_the_clusters_reason(loop, store_client, names, query, reason):
    with pytest.raises(MlError) as refused:
        await check_query(store_client, names, query)
    assert (refused.value.type, refused.value.reason) == ("status_exception", "Datafeed query is not parsable")
    cause = refused.value.body()["error"]["caused_by"]
    assert cause["type"] == "parsing_exception"
    assert reason in cause["reason"]
