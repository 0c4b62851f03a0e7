"""What a former process left of a job: its journal, interim results, and forecasts that it never finished.

Read when a model is opened, together for all that are opened at the same time: a restart opens thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.forecasts import DONE, STATISTICS
from proxy.store.grouping import Grouped
from proxy.store.journal import NAMES, Name, name_of, of_job_in_journal
from proxy.store.names import Names
from proxy.store.removal import of_job

# The names of their indices make up the path of one request, which the cluster bounds by 4 kB.
_MOST = 24
# A job with more of a kind is read alone, however much that is.
_MOST_HITS = 1000


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The names of the job's documents in the journal, ids of its interim results, what is known of its forecasts."""

    journal: Sequence[Name]
    interim_ids: Sequence[str]
    unfinished_forecasts: Sequence[Mapping[str, Json]]


class LeftBehindReader:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._grouped = Grouped(self._read_together, _MOST)

    async def read(self, job_id: str) -> LeftBehind:
        """As it is now, not as of the last refresh.

        Raises:
            MlError: the cluster cannot tell.
        """
        return await self._grouped.ask(job_id) or await self._read_alone(job_id)

    async def _read_together(self, job_ids: Sequence[str]) -> Sequence[LeftBehind | None]:
        await self._refresh(job_ids)
        lines: list[bytes] = []
        for job_id in job_ids:
            for index, search in self._searches(job_id):
                header = {"index": index, "ignore_unavailable": True, "allow_partial_search_results": False}
                body = {**search, "size": _MOST_HITS, "track_total_hits": False}
                lines += [orjson.dumps(header), orjson.dumps(body)]
        answer = await self._client.request("POST", "/_msearch", body=b"\n".join(lines) + b"\n", retry=True)
        found = answer["responses"]
        return [_left(found[start : start + 3]) for start in range(0, len(found), 3)]

    async def _read_alone(self, job_id: str) -> LeftBehind:
        await self._refresh([job_id])
        journal, interim, forecasts = [
            await self._client.search_all(index, search["query"], source=search["_source"])
            for index, search in self._searches(job_id)
        ]
        return _made(journal, interim, forecasts)

    async def _refresh(self, job_ids: Sequence[str]) -> None:
        indices = [self._names.journal, *map(self._names.write_alias, job_ids)]
        params: Params = {"ignore_unavailable": True}
        path = f"/{','.join(map(quote_expression, indices))}/_refresh"
        await self._client.request("POST", path, params=params, retry=True)

    def _searches(self, job_id: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        results = self._names.read_alias(job_id)
        yield self._names.journal, {"query": of_job_in_journal(job_id), "_source": NAMES}
        yield results, {"query": {"term": {"is_interim": True}}, "_source": False}
        unfinished = {
            "bool": {"filter": [of_job(job_id), STATISTICS], "must_not": [{"terms": {"forecast_status": sorted(DONE)}}]}
        }
        yield results, {"query": unfinished, "_source": True}


def _left(responses: Sequence[Mapping[str, Json]]) -> LeftBehind | None:
    """None where something failed, or there is more than was asked for."""
    if any("error" in response for response in responses):
        return None
    journal, interim, forecasts = (response["hits"]["hits"] for response in responses)
    if any(len(hits) == _MOST_HITS for hits in (journal, interim, forecasts)):
        return None
    return _made(journal, interim, forecasts)


def _made(
    journal: Sequence[Mapping[str, Json]],
    interim: Sequence[Mapping[str, Json]],
    forecasts: Sequence[Mapping[str, Json]],
) -> LeftBehind:
    return LeftBehind(
        [name_of(hit) for hit in journal], [hit["_id"] for hit in interim], [hit["_source"] for hit in forecasts]
    )
