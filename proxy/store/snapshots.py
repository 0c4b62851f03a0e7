"""Model snapshots as documents: finding, changing, deleting, and putting a former one back in force.

Which of that is allowed when is decided in ``api.handlers.snapshots``; the saved models are ``model_state``'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.names import Names
from proxy.store.removal import all_of, any_of, of_job, remove_matching
from proxy.store.results import ids as result_ids
from proxy.store.results.docs import MODEL_SIZE_STATS
from proxy.store.results.queries import Page, Query, search
from proxy.store.results.read import Found, Hit, Results
from proxy.store.setup import index_behind

EMPTY = "empty"
"""The id of the snapshot that is never stored: a job that has learnt nothing."""

_RESULTS_OF_A_PERIOD = ["record", "bucket", "bucket_influencer", "influencer", "model_plot"]
_EVENTS_OF_A_PERIOD = ["delayed_data", "model_change"]


class Snapshots:
    """Snapshots of jobs, wherever their read aliases lead."""

    def __init__(self, client: ClusterClient, names: Names, results: Results) -> None:
        self._client = client
        self._names = names
        self._results = results

    async def find(self, job_id: str, query: Query) -> Found:
        return await self._results.find(job_id, query)

    async def get(self, job_id: str, snapshot_id: str) -> Hit | None:
        """A snapshot with everything that is stored of it."""
        by_key = all_of({"term": {"snapshot_id": snapshot_id}}, {"exists": {"field": "snapshot_doc_count"}})
        by_id = {"ids": {"values": [result_ids.model_snapshot(job_id, snapshot_id)]}}
        found = await self._results.find(job_id, search([any_of(by_key, by_id)], [], Page(0, 1)))
        return found.hits[0] if found.hits else None

    async def all(self, job_id: str) -> list[Hit]:
        """Every snapshot of a job, without its quantiles."""
        query = all_of(of_job(job_id), {"exists": {"field": "snapshot_doc_count"}})
        source = {"excludes": ["quantiles"]}
        hits = await self._client.search_all(self._names.read_alias(job_id), query, source=source)
        return [Hit(hit["_index"], hit["_id"], hit["_source"]) for hit in hits]

    async def update(self, snapshot: Hit, changes: Mapping[str, Json]) -> None:
        path = f"/{quote_expression(snapshot.index)}/_update/{quote_expression(snapshot.id)}"
        await self._client.request(
            "POST", path, params={"refresh": True, "retry_on_conflict": 3}, body={"doc": dict(changes)}
        )

    async def delete(self, job_id: str, snapshot: Hit) -> None:
        """Removes the snapshot with its model and its annotation; itself last, so that a second try finds it."""
        snapshot_id = str(snapshot.source["snapshot_id"])
        await self.delete_state(job_id, snapshot_id, int(snapshot.source.get("snapshot_doc_count") or 0))
        note = result_ids.snapshot_annotation(job_id, snapshot_id)
        await self._remove_ids(self._names.indices.annotations_read_alias, [note])
        await self._remove_ids(snapshot.index, [snapshot.id])

    async def delete_state(self, job_id: str, snapshot_id: str, documents: int) -> None:
        """Removes the model that a snapshot leads to."""
        states = [result_ids.model_state(job_id, snapshot_id, number) for number in range(1, documents + 1)]
        await self._remove_ids(self._names.all_state, states)

    async def _remove_ids(self, index: str, ids: list[str]) -> None:
        for start in range(0, len(ids), 1000):
            await remove_matching(self._client, index, {"ids": {"values": ids[start : start + 1000]}})

    async def restore_statistics(self, job_id: str, snapshot: Mapping[str, Json], now_ms: int) -> None:
        """Makes the snapshot's size statistics the newest, and its quantiles the job's."""
        stats = snapshot.get("model_size_stats")
        if stats is not None:
            document = MODEL_SIZE_STATS.read({"job_id": job_id, **stats}) | {"log_time": now_ms}
            alias = self._names.write_alias(job_id)
            index = await index_behind(self._client, alias)
            await self._put(
                index or alias, result_ids.model_size_stats(job_id, now_ms), document, is_alias=index is None
            )
        quantiles = snapshot.get("quantiles")
        if quantiles is not None:
            await self._put_quantiles(job_id, {"job_id": job_id, **quantiles})

    async def _put_quantiles(self, job_id: str, quantiles: Mapping[str, Json]) -> None:
        """Where they are already, for a second copy in a newer index would contend with them."""
        document_id = result_ids.quantiles(job_id)
        hits = await self._client.search_all(self._names.all_state, {"ids": {"values": [document_id]}}, source=False)
        index = hits[0]["_index"] if hits else self._names.indices.state_write_alias
        await self._put(index, document_id, quantiles, is_alias=not hits)

    async def _put(self, index: str, document_id: str, document: Mapping[str, Json], *, is_alias: bool = True) -> None:
        path = f"/{quote_expression(index)}/_doc/{quote_expression(document_id)}"
        params: Params = {"refresh": True, "require_alias": is_alias}
        await self._client.request("PUT", path, params=params, body=dict(document))

    async def delete_results_after(self, job_id: str, latest_result_ms: int) -> None:
        """Removes what a job found later, and what the system noted about that; forecasts and categories stay."""
        later: Query = {"range": {"timestamp": {"gt": latest_result_ms, "format": "epoch_millis"}}}
        of_period = {"terms": {"result_type": _RESULTS_OF_A_PERIOD}}
        await remove_matching(self._client, self._names.read_alias(job_id), all_of(of_job(job_id), of_period, later))
        notes = all_of(
            of_job(job_id),
            {"term": {"create_username": "_xpack"}},
            {"terms": {"event": _EVENTS_OF_A_PERIOD}},
            later,
        )
        await remove_matching(self._client, self._names.indices.annotations_read_alias, notes)

    async def turn_back_data_counts(self, job_id: str, latest_record_ms: int | None) -> None:
        """Lets the job take records again from the time at which the snapshot was made."""
        document_id = result_ids.data_counts(job_id)
        query = all_of(of_job(job_id), {"ids": {"values": [document_id]}})
        for hit in await self._client.search_all(self._names.read_alias(job_id), query):
            counts = {**hit["_source"], "latest_record_timestamp": latest_record_ms}
            known = {key: value for key, value in counts.items() if value is not None}
            await self._put(hit["_index"], document_id, known, is_alias=False)


def empty_snapshot(job_id: str, now_ms: int) -> dict[str, Json]:
    """A job's state before it saw any data."""
    return {
        "job_id": job_id,
        "min_version": "6.3.0",
        "timestamp": now_ms,
        "description": "empty snapshot",
        "snapshot_id": EMPTY,
        "snapshot_doc_count": 0,
        "model_size_stats": {"job_id": job_id, "log_time": now_ms},
        "quantiles": {"timestamp": now_ms, "quantile_state": ""},
        "retain": False,
    }
