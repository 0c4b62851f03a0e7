"""Which jobs are running, kept in the cluster so that a restart finds them: one document per job that is not closed.

Every change of a claim is conditional on what was read before, so of two that contend one fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from proxy.errors import MlError, already_exists, status_error
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.damaged import refuse_damaged, sound
from proxy.store.names import Names, task_document
from proxy.store.shared_documents import Condition, SharedDocuments

TaskState = Literal["opening", "opened", "closing", "failed"]


@dataclass(frozen=True, slots=True)
class JobTask:
    """A running job. ``epoch`` tells one opening from another: when it began; times are epoch milliseconds."""

    job_id: str
    state: TaskState
    epoch: int
    opened_at: int
    reason: str | None
    seq_no: int
    primary_term: int


class _Document(msgspec.Struct):
    job_id: str
    state: TaskState
    epoch: int
    opened_at: int
    reason: str | None = None


class JobTasks:
    """Reads and changes task documents."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._index = names.config_alias
        self._documents = SharedDocuments(client, self._index)

    async def get(self, job_id: str) -> JobTask | None:
        """
        Raises:
            DamagedDocument: it cannot be read.
        """
        found = await self._documents.find(task_document(job_id))
        if found is None:
            return None
        refuse_damaged(found, _Document)
        return _task(found)

    async def all(self) -> list[JobTask]:
        """Every task that can be read, as it is now; none where the index is not there yet."""
        # A search alone would miss the jobs that were opened in the last second before a quick restart.
        if await self._client.find("POST", f"/{quote_expression(self._index)}/_refresh") is None:
            return []
        hits = await self._client.search_all(self._index, {"term": {"type": "job_task"}}, sort=["job_id"])
        return [_task({**hit, "_seq_no": -1, "_primary_term": -1}) for hit in sound(hits, _Document)]

    async def create(self, job_id: str, *, opened_at: int) -> JobTask:
        """Claims a job.

        Raises:
            MlError: 409 where it is claimed already.
        """
        source = {"type": "job_task", "job_id": job_id, "state": "opening", "epoch": opened_at, "opened_at": opened_at}
        try:
            created = await self._documents.create(task_document(job_id), source)
        except MlError as error:
            # An answer may be lost after the claim was made.
            found = await self.get(job_id)
            if found is not None and found.epoch == opened_at:
                return found
            if not isinstance(error, ClusterError) or error.status != 409:
                raise
            raise already_opened(job_id) from error
        return _task({**created, "_source": source})

    async def change(self, task: JobTask, state: TaskState, *, reason: str | None = None) -> JobTask:
        """The task in its new state.

        Raises:
            ClusterError: 409 where it changed since it was read.
        """
        source = {"type": "job_task", "job_id": task.job_id, "state": state, "epoch": task.epoch,
                  "opened_at": task.opened_at, "reason": reason}  # fmt: skip
        read = Condition(task.seq_no, task.primary_term)
        try:
            changed = await self._documents.put(task_document(task.job_id), source, read)
        except ClusterError as error:
            found = await self.get(task.job_id)
            if error.status == 409 and found is not None and (found.epoch, found.state) == (task.epoch, state):
                return found  # an earlier try got through, only its answer was lost
            raise
        return _task({**changed, "_source": source})

    async def remove(self, job_id: str) -> None:
        """Gives up whatever claim there is on a job."""
        await self._documents.delete(task_document(job_id))

    async def take_back(self, task: JobTask) -> None:
        """Gives up a claim, unless it is another one by now."""
        found = await self.get(task.job_id)
        if found is not None and found.epoch == task.epoch:
            await self.remove(task.job_id)


def already_opened(job_id: str) -> MlError:
    """What an opening is told that comes after another."""
    cause = already_exists(f"task with id {{job-{job_id}}} already exist")
    return status_error(f"Cannot open job [{job_id}] because it has already been opened", 409, caused_by=cause)


def _task(found: Mapping[str, Json]) -> JobTask:
    source = found["_source"]
    return JobTask(
        job_id=source["job_id"],
        state=source["state"],
        epoch=source["epoch"],
        opened_at=source["opened_at"],
        reason=source.get("reason"),
        seq_no=found["_seq_no"],
        primary_term=found["_primary_term"],
    )
