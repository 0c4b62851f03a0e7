"""How long the searches of datafeeds took, as it is kept with the results of their jobs."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.names import Names
from proxy.store.results import ids as result_ids
from proxy.store.setup import index_behind


class DatafeedStats:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def read(self, job_ids: Sequence[str]) -> dict[str, dict[str, Json]]:
        """What is stored of the datafeeds of these jobs, by job id, in one request."""
        if not job_ids:
            return {}
        ids = [result_ids.datafeed_timing_stats(job_id) for job_id in job_ids]
        body = {"size": len(ids), "query": {"ids": {"values": ids}}, "track_total_hits": False}
        params: Params = {"ignore_unavailable": True, "expand_wildcards": "all"}
        path = f"/{quote_expression(self._names.all_results)}/_search"
        answer = await self._client.request("POST", path, params=params, body=body, retry=True)
        sources = [hit["_source"] for hit in answer["hits"]["hits"]]
        return {source["job_id"]: source for source in sources}

    async def remove(self, job_id: str) -> None:
        document = quote_expression(result_ids.datafeed_timing_stats(job_id))
        index = await index_behind(self._client, self._names.write_alias(job_id))
        if index is not None:
            path = f"/{quote_expression(index)}/_doc/{document}"
            await self._client.find("DELETE", path, params={"refresh": True})
