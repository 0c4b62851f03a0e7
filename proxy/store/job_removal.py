"""Removes what a job has written: results, state, annotations, aliases; and finds what a former job left behind.

Documents are found by search and deleted in bulk, because not every cluster can delete by query.
The configuration document itself belongs to ``jobs``.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import status_error
from proxy.store.calendars import Calendars
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.jobs import Jobs
from proxy.store.journal import Journal
from proxy.store.names import Names
from proxy.store.removal import remove_matching
from proxy.store.results import ids as result_ids

# One round of searching and deleting; as many as one listing may hold by default.
_BATCH = 10_000
_SHARED = "shared"
_SYSTEM_AUTHOR = "_xpack"
_CATEGORIZER_PART_LIMIT = 100


class JobRemoval:
    """Forgets jobs."""

    def __init__(self, client: ClusterClient, names: Names, jobs: Jobs, journal: Journal, calendars: Calendars) -> None:
        self._client = client
        self._names = names
        self._jobs = jobs
        self._journal = journal
        self._calendars = calendars

    async def leftovers(self, job_id: str, results_index_name: str) -> tuple[int, int]:
        """How many results and state documents of a former job with this id still exist.

        Raises:
            MlError: 400 where the results index is closed.
        """
        index = self._names.results(results_index_name)
        try:
            await self._client.find("POST", f"/{quote_expression(index)}/_refresh")
        except ClusterError as error:
            if error.type != "index_closed_exception":
                raise
            text = f"Cannot create job [{job_id}] as it requires closed index {index}"
            raise status_error(text, 400) from error
        results = await self._count(index + "*", {"term": {"job_id": job_id}})
        ids = [result_ids.quantiles(job_id), result_ids.categorizer_state(job_id, 1)]
        state = await self._count(self._names.all_state, {"ids": {"values": ids}})
        return results, state

    async def remove_all(self, job_id: str, results_index_name: str, *, user_annotations: bool) -> None:
        """Everything but the configuration; a results index of its own goes as a whole."""
        await self._calendars.forget_job(job_id)
        await self.forget(job_id, results_index_name, user_annotations=user_annotations, keep_indices=False)
        await self._remove_aliases(job_id, results_index_name)

    async def forget(
        self, job_id: str, results_index_name: str, *, user_annotations: bool, keep_indices: bool = True
    ) -> None:
        """What the job has learnt and written; running it again after a failure finishes the work."""
        index = self._names.results(results_index_name)
        await self._refresh(f"{index}*,{self._names.all_state},{self._names.indices.annotations}")
        await self._journal.forget(job_id)
        await self._remove_state(job_id, index)
        await self._remove_annotations(job_id, everybody=user_annotations)
        if not keep_indices and await self._is_own_index(job_id, results_index_name):
            await self._drop_index(index)
        else:
            await remove_matching(self._client, f"{index}*", {"term": {"job_id": job_id}})

    async def _remove_state(self, job_id: str, index: str) -> None:
        """Model states are named by the snapshots, so these must still be there."""
        query = {"bool": {"filter": [{"term": {"job_id": job_id}}, {"exists": {"field": "snapshot_doc_count"}}]}}
        snapshots = await self._search(f"{index}*", query, source=["snapshot_id", "snapshot_doc_count"])
        ids = [result_ids.quantiles(job_id)]
        ids += [result_ids.categorizer_state(job_id, number) for number in range(1, _CATEGORIZER_PART_LIMIT + 1)]
        for hit in snapshots:
            source = hit["_source"]
            parts = range(1, source["snapshot_doc_count"] + 1)
            ids += [result_ids.model_state(job_id, source["snapshot_id"], number) for number in parts]
        for start in range(0, len(ids), _BATCH):
            await remove_matching(self._client, self._names.all_state, {"ids": {"values": ids[start : start + _BATCH]}})

    async def _remove_annotations(self, job_id: str, *, everybody: bool) -> None:
        filters: list[Json] = [{"term": {"job_id": job_id}}]
        if not everybody:
            filters.append({"term": {"create_username": _SYSTEM_AUTHOR}})
        await remove_matching(self._client, self._names.indices.annotations_read_alias, {"bool": {"filter": filters}})

    async def _is_own_index(self, job_id: str, results_index_name: str) -> bool:
        if results_index_name == _SHARED:
            return False
        others = [each for each in await self._jobs.ids_with_results_in(results_index_name) if each != job_id]
        if others:
            return False
        foreign = {"bool": {"must_not": [{"term": {"job_id": job_id}}]}}
        return await self._count(self._names.results(results_index_name), foreign) == 0

    async def _drop_index(self, index: str) -> None:
        await self._client.find("DELETE", f"/{quote_expression(index)}")

    async def _remove_aliases(self, job_id: str, results_index_name: str) -> None:
        pattern = self._names.results(results_index_name) + "*"
        aliases = (self._names.read_alias(job_id), self._names.write_alias(job_id))
        actions = [{"remove": {"index": pattern, "alias": alias, "must_exist": False}} for alias in aliases]
        await self._client.find("POST", "/_aliases", body={"actions": actions})

    async def _search(self, index: str, query: Json, *, source: Json) -> list[Mapping[str, Json]]:
        body = {"size": _BATCH, "query": query, "_source": source, "track_total_hits": False, "sort": ["_doc"]}
        answer = await self._client.request(
            "POST", f"/{quote_expression(index)}/_search", params={"ignore_unavailable": True}, body=body, retry=True
        )
        return list(answer["hits"]["hits"])

    async def _count(self, index: str, query: Json) -> int:
        answer = await self._client.request(
            "POST", f"/{quote_expression(index)}/_count", params={"ignore_unavailable": True},
            body={"query": query}, retry=True,
        )  # fmt: skip
        return int(answer["count"])

    async def _refresh(self, index: str) -> None:
        await self._client.request(
            "POST", f"/{quote_expression(index)}/_refresh", params={"ignore_unavailable": True}, retry=True
        )
