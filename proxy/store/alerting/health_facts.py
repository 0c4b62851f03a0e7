"""What rules about the health of jobs look at: annotations of delayed data, and error notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.names import Names

Document = Mapping[str, Json]
_IF_THERE: Params = {"ignore_unavailable": True}
_ERRORS_OF_A_JOB = 10
_JOBS = 10_000


class HealthFacts:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._annotations = names.indices.annotations_read_alias
        self._notifications = names.indices.notifications

    async def delayed_data(self, job_ids: Sequence[str], since_ms: int) -> dict[str, Document]:
        """The newest annotation of delayed data of each job, of those that end later."""
        conditions = [
            {"terms": {"job_id": list(job_ids)}},
            {"term": {"event": "delayed_data"}},
            {"range": {"end_timestamp": {"gte": since_ms, "format": "epoch_millis"}}},
        ]
        body = {
            "size": _JOBS,
            "query": {"bool": {"filter": conditions}},
            "collapse": {"field": "job_id"},
            "sort": [{"end_timestamp": {"order": "desc", "unmapped_type": "date"}}],
            "track_total_hits": False,
        }
        return {hit["_source"]["job_id"]: hit["_source"] for hit in await self._hits(self._annotations, body)}

    async def errors(self, job_ids: Sequence[str], since_ms: int, until_ms: int) -> dict[str, list[Document]]:
        """The newest error notifications of each job, written in that time."""
        moments = {"gte": since_ms, "lt": until_ms, "format": "epoch_millis"}
        conditions = [
            {"terms": {"job_id": list(job_ids)}},
            {"term": {"level": "error"}},
            {"range": {"timestamp": moments}},
        ]
        body = {
            "size": _JOBS,
            "query": {"bool": {"filter": conditions}},
            "sort": [{"timestamp": {"order": "desc", "unmapped_type": "date"}}],
            "track_total_hits": False,
        }
        found: dict[str, list[Document]] = {}
        for hit in await self._hits(self._notifications, body):
            errors = found.setdefault(hit["_source"]["job_id"], [])
            if len(errors) < _ERRORS_OF_A_JOB:
                errors.append(hit["_source"])
        return found

    async def _hits(self, index: str, body: Json) -> list[Document]:
        path = f"/{quote_expression(index)}/_search"
        answer = await self._client.request("POST", path, params=_IF_THERE, body=body, retry=True)
        return list(answer["hits"]["hits"])
