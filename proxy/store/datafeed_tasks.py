"""Which datafeeds are started, kept in the cluster so that a restart finds them: one document each.

How far a run has read is not here; it is kept with the model of its job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import msgspec

from proxy.errors import MlError
from proxy.job_config.datafeed_errors import already_started
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.damaged import refuse_damaged, sound
from proxy.store.names import Names, datafeed_task_document
from proxy.store.shared_documents import SharedDocuments


@dataclass(frozen=True, slots=True)
class DatafeedTask:
    """One run, told from all others of its datafeed by ``run_ms``, the time of its start; times in epoch milliseconds.

    ``is_stopping`` from the moment that somebody has asked for it, ``closes_job`` if the job is to be closed then.
    """

    datafeed_id: str
    job_id: str
    run_ms: int
    start_ms: int
    end_ms: int | None
    is_stopping: bool = False
    closes_job: bool = False


class _Document(msgspec.Struct):
    run: DatafeedTask


class DatafeedTasks:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._index = names.config_alias
        self._documents = SharedDocuments(client, self._index)

    async def all(self) -> list[DatafeedTask]:
        """Every task that can be read, as it is now; none where the index is not there yet."""
        if await self._client.find("POST", f"/{quote_expression(self._index)}/_refresh") is None:
            return []
        hits = await self._client.search_all(self._index, {"term": {"type": "datafeed_task"}}, sort=["datafeed_id"])
        return [DatafeedTask(**hit["_source"]["run"]) for hit in sound(hits, _Document)]

    async def create(self, task: DatafeedTask) -> None:
        """
        Raises:
            MlError: 409 where the datafeed runs already, 400 where what says so is damaged.
        """
        document_id = datafeed_task_document(task.datafeed_id)
        try:
            await self._documents.create(document_id, _document(task))
        except MlError as error:
            # An answer may be lost after the task was stored.
            found = await self._documents.find(document_id)
            if found is not None:
                refuse_damaged(found, _Document)
                if found["_source"]["run"]["run_ms"] == task.run_ms:
                    return
            if not isinstance(error, ClusterError) or error.status != 409:
                raise
            raise already_started(task.datafeed_id) from error

    async def ask_to_stop(self, task: DatafeedTask, *, closes_job: bool) -> None:
        stopping = replace(task, is_stopping=True, closes_job=closes_job)
        await self._documents.put(datafeed_task_document(task.datafeed_id), _document(stopping))

    async def remove(self, datafeed_id: str) -> None:
        await self._documents.delete(datafeed_task_document(datafeed_id))


def _document(task: DatafeedTask) -> Mapping[str, Json]:
    return {"type": "datafeed_task", "datafeed_id": task.datafeed_id, "job_id": task.job_id, "run": asdict(task)}
