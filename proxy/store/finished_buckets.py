"""What the finished buckets of a job have counted, to be compared with what its source holds."""

from __future__ import annotations

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names

# The longest window that a check of delayed data may have, in buckets.
_MOST = 10_000


class FinishedBuckets:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def event_counts(self, job_id: str, start_ms: int, end_ms: int) -> dict[int, int]:
        """By the start of the bucket, of those from ``start_ms`` inclusive to ``end_ms`` exclusive that are final."""
        moments = {"gte": start_ms, "lt": end_ms, "format": "epoch_millis"}
        conditions = [
            {"term": {"job_id": job_id}},
            {"term": {"result_type": "bucket"}},
            {"term": {"is_interim": False}},
            {"range": {"timestamp": moments}},
        ]
        body = {
            "size": _MOST,
            "query": {"bool": {"filter": conditions}},
            "_source": False,
            "docvalue_fields": [{"field": "timestamp", "format": "epoch_millis"}, "event_count"],
            "track_total_hits": False,
        }
        path = f"/{quote_expression(self._names.read_alias(job_id))}/_search"
        answer = await self._client.request("POST", path, body=body, retry=True)
        fields = [hit["fields"] for hit in answer["hits"]["hits"]]
        return {int(each["timestamp"][0]): int(each["event_count"][0]) for each in fields}
