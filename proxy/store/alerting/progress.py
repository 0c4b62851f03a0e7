"""How far each rule has looked at each job's buckets, and which of its alerts go on: one document for each pair.

It is changed last, on the condition that nobody else did: whoever comes second has told nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from proxy.store.client import ClusterClient, Json
from proxy.store.named_documents import NamedDocuments, Stored
from proxy.store.names import Names
from proxy.store.results.queries import Query

State = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StoredProgress:
    """``state`` is the owner's; ``stored`` is the version that was read, None where there is none yet."""

    rule_id: str
    job_id: str
    state: State
    stored: Stored | None


class _Document(msgspec.Struct):
    rule_id: str
    job_id: str
    state: dict[str, Json]


class AlertProgress:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._documents = NamedDocuments(client, names.alerting_alias, "progress", _Document, refreshes=False)

    async def find(self, rule_id: str, job_id: str) -> StoredProgress:
        stored = await self._documents.find(_id(rule_id, job_id))
        return StoredProgress(rule_id, job_id, stored.source["state"] if stored else {}, stored)

    async def move(self, former: StoredProgress, state: State) -> bool:
        """False where somebody else has moved it since it was read."""
        document = {"rule_id": former.rule_id, "job_id": former.job_id, "state": state}
        if former.stored is None:
            return await self._documents.create(_id(former.rule_id, former.job_id), document)
        return await self._documents.replace(former.stored, document)

    async def of_rule(self, rule_id: str) -> list[StoredProgress]:
        return await self._matching({"term": {"rule_id": rule_id}})

    async def of_job(self, job_id: str) -> list[StoredProgress]:
        return await self._matching({"term": {"job_id": job_id}})

    async def _matching(self, query: Query) -> list[StoredProgress]:
        await self._documents.refresh()
        found = await self._documents.matching(query)
        return [StoredProgress(each.source["rule_id"], each.source["job_id"], each.source["state"], each)
                for each in found]  # fmt: skip

    async def delete(self, progress: StoredProgress) -> None:
        await self._documents.delete(_id(progress.rule_id, progress.job_id))


def _id(rule_id: str, job_id: str) -> str:
    return f"{rule_id}.{job_id}"
