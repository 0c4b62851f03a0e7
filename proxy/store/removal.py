"""Deletes documents by query, page by page.

The cluster's own delete-by-query is a module that minimal distributions lack, and it skips what changes meanwhile.
"""

from __future__ import annotations

import orjson

from proxy.store.client import ClusterClient
from proxy.store.result_queries import Query

_IDS_PER_BULK = 5_000


async def remove_matching(client: ClusterClient, index: str, query: Query) -> int:
    """Deletes what ``query`` finds in the indices behind ``index`` and makes that visible; returns the number."""
    hits = await client.search_all(index, query, source=False)
    lines = [orjson.dumps({"delete": {"_index": hit["_index"], "_id": hit["_id"]}}) for hit in hits]
    for start in range(0, len(lines), _IDS_PER_BULK):
        await client.bulk(b"\n".join(lines[start : start + _IDS_PER_BULK]) + b"\n", refresh=True)
    return len(lines)


def any_of(*queries: Query) -> Query:
    return {"bool": {"should": list(queries)}}


def all_of(*queries: Query) -> Query:
    return {"bool": {"filter": list(queries)}}
