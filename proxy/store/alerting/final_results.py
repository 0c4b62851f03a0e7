"""What rules look at: the buckets of a job beyond a moment, and what was found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.store.client import ClusterClient, Json, quote_expression
from proxy.store.names import Names

Document = Mapping[str, Json]
# Buckets that are looked at together.
PAGE = 1000
# As many records or influencers as one search brings.
DETAILS = 10_000
_FIELDS = ("timestamp", "bucket_span", "anomaly_score", "initial_anomaly_score", "is_interim")


class FinalResults:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def buckets(
        self, job_id: str, after_ms: int | None, *, since_ms: int, interim: bool = False
    ) -> list[Document]:
        """Buckets that begin later than ``after_ms`` and were first written from ``since_ms`` on.

        The oldest first, at most a thousand; by default only those that are final.
        """
        written = {"range": {"event.ingested": {"gte": since_ms, "format": "epoch_millis"}}}
        conditions: list[Document] = [{"term": {"result_type": "bucket"}}, written]
        if not interim:
            conditions.append({"term": {"is_interim": False}})
        if after_ms is not None:
            conditions.append({"range": {"timestamp": {"gt": after_ms, "format": "epoch_millis"}}})
        return await self._search(job_id, conditions, [{"timestamp": "asc"}], size=PAGE, fields=_FIELDS)

    async def between(self, job_id: str, start_ms: int, end_ms: int) -> list[Document]:
        """The buckets from ``start_ms`` inclusive to ``end_ms`` exclusive that are final.

        The oldest first, at most a thousand.
        """
        moments = {"gte": start_ms, "lt": end_ms, "format": "epoch_millis"}
        conditions: list[Document] = [{"term": {"result_type": "bucket"}}, {"term": {"is_interim": False}},
                                      {"range": {"timestamp": moments}}]  # fmt: skip
        return await self._search(job_id, conditions, [{"timestamp": "asc"}], size=PAGE, fields=_FIELDS)

    async def latest(self, job_id: str) -> int | None:
        """When the last final bucket begins."""
        conditions: list[Document] = [{"term": {"result_type": "bucket"}}, {"term": {"is_interim": False}}]
        found = await self._search(job_id, conditions, [{"timestamp": "desc"}], size=1, fields=("timestamp",))
        return int(found[0]["timestamp"]) if found else None

    async def details(self, job_id: str, kind: str, start_ms: int, end_ms: int) -> list[Document]:
        """The records or influencers of buckets from ``start_ms`` to ``end_ms``, both inclusive, the worst first."""
        conditions: list[Document] = [
            {"term": {"result_type": kind}},
            {"range": {"timestamp": {"gte": start_ms, "lte": end_ms, "format": "epoch_millis"}}},
            {"range": {f"initial_{kind}_score": {"gt": 0}}},
        ]
        return await self._search(job_id, conditions, [{f"initial_{kind}_score": "desc"}], size=DETAILS)

    async def _search(
        self,
        job_id: str,
        conditions: Sequence[Document],
        sort: Sequence[Document],
        *,
        size: int,
        fields: Sequence[str] | None = None,
    ) -> list[Document]:
        body = {
            "size": size,
            "query": {"bool": {"filter": [{"term": {"job_id": job_id}}, *conditions]}},
            "sort": list(sort),
            "_source": list(fields) if fields else True,
            "track_total_hits": False,
        }
        path = f"/{quote_expression(self._names.read_alias(job_id))}/_search"
        answer = await self._client.request("POST", path, params={"ignore_unavailable": True}, body=body, retry=True)
        return [hit["_source"] for hit in answer["hits"]["hits"]]
