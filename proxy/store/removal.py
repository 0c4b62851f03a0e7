"""Deletes documents by query, page by page.

The cluster's own delete-by-query is a module that minimal distributions lack, and it skips what changes meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from proxy.errors import unavailable
from proxy.store.client import ClusterClient, quote_expression
from proxy.store.results.queries import Query

# As many as one listing may hold by default.
_PAGE = 10_000
# So many that a limited rate is kept over seconds, not over minutes.
_PACED_PAGE = 1_000

# Told how many documents were just deleted; returns when more may be.
Pace = Callable[[int], Awaitable[None]]


async def remove_matching(client: ClusterClient, index: str, query: Query, *, pace: Pace | None = None) -> int:
    """Deletes what ``query`` finds in the indices behind ``index``, until it finds nothing; returns the number.

    Raises:
        MlError: 503 where the cluster refused to delete some; asking again finishes the work.
    """
    path = f"/{quote_expression(index)}/_search"
    size = _PAGE if pace is None else _PACED_PAGE
    body = {"size": size, "query": query, "_source": False, "track_total_hits": False, "sort": ["_doc"]}
    removed = 0
    while True:
        answer = await client.request("POST", path, params={"ignore_unavailable": True}, body=body, retry=True)
        hits = answer["hits"]["hits"]
        if not hits:
            return removed
        lines = [orjson.dumps({"delete": {"_index": client.fence.into(hit["_index"]), "_id": hit["_id"]}})
                 for hit in hits]  # fmt: skip
        failed = await client.bulk(b"\n".join(lines) + b"\n", refresh=True)
        if failed:
            reason = failed[0]["error"]["reason"]
            raise unavailable(f"the cluster did not delete [{len(failed)}] documents: {reason}")
        removed += len(hits)
        if pace is not None:
            await pace(len(hits))


def of_job(job_id: str) -> Query:
    return {"term": {"job_id": job_id}}


def any_of(*queries: Query) -> Query:
    return {"bool": {"should": list(queries)}}


def all_of(*queries: Query) -> Query:
    return {"bool": {"filter": list(queries)}}
