"""Job configurations in the cluster: one document per job, changed only on the condition that nobody else did.

Here are documents and the expressions that name several of them; what a configuration may say is not decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from proxy.errors import MlError, already_exists, unknown_job
from proxy.job_config import key_order
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.damaged import DamagedDocument, refuse_damaged, sound
from proxy.store.expressions import naming, tokens_of, unmatched
from proxy.store.gone import INTO_ALIAS
from proxy.store.names import Names, job_document
from proxy.store.shared_documents import Condition, SharedDocuments

# Elasticsearch's own limit on one listing, and the largest window of an index by default.
MAX_JOBS = 10_000
_ATTEMPTS = 5
# No job has a longer id, and the cluster would refuse the path of a much longer one.
_LONGEST_ID = 64

Config = dict[str, Json]
BlockReason = Literal["delete", "reset", "revert"]


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A configuration and the state of its document, on which a change is conditional.

    ``block_options`` tell, while the job is blocked, what a restart must know to finish the work behind that.
    """

    config: Config
    seq_no: int
    primary_term: int
    block_options: Mapping[str, Json] = field(default_factory=dict)

    @property
    def job_id(self) -> str:
        return str(self.config["job_id"])

    @property
    def is_deleting(self) -> bool:
        return bool(self.config.get("deleting"))

    @property
    def blocked_by(self) -> BlockReason | None:
        """What is going on, or was begun and has to be finished."""
        reason: BlockReason | None = (self.config.get("blocked") or {}).get("reason")
        return reason


class _Analysis(msgspec.Struct):
    bucket_span: str
    detectors: list[dict[str, Json]]
    influencers: list[str] = []


class _Job(msgspec.Struct):
    job_id: str
    results_index_name: str
    analysis_config: _Analysis
    data_description: dict[str, Json]
    analysis_limits: dict[str, Json] = {}
    groups: list[str] = []
    create_time: int | None = None
    model_snapshot_id: str | None = None
    blocked: dict[str, Json] = {}


class _Document(msgspec.Struct):
    job: _Job
    block_options: dict[str, Json] = {}


class Jobs:
    """Reads and changes configuration documents."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config_alias)}"
        self._documents = SharedDocuments(client, names.config_alias)

    async def get(self, job_id: str) -> StoredJob:
        """The newest state of one job.

        Raises:
            MlError: 404 where there is none, 400 where its document is damaged.
        """
        found = await self.find(job_id)
        if found is None:
            raise unknown_job(job_id)
        return found

    async def exists(self, job_id: str) -> bool:
        """Whether there is a document of it, sound or not."""
        return await self._documents.find(job_document(job_id)) is not None

    async def find(self, job_id: str) -> StoredJob | None:
        """As ``get``, but None where there is none.

        Raises:
            DamagedDocument: it is no configuration of a job.
        """
        if len(job_id) > _LONGEST_ID:
            return None
        found = await self._documents.find(job_document(job_id))
        if found is None:
            return None
        refuse_damaged(found, _Document)
        return _stored(found)

    async def resolve(self, expression: str | None, allow_no_match: bool = True) -> list[StoredJob]:
        """The jobs that ids, groups and wildcards name, each once, in order of their ids, in one request.

        Raises:
            MlError: 404 naming every exact name that nothing has, and without ``allow_no_match`` every idle wildcard.
            DamagedDocument: an exact name is of a job whose document is damaged.
        """
        tokens = tokens_of(expression)
        damaged: list[DamagedDocument] = []
        jobs = await self._search(naming(tokens, ("job_id", "groups")), damaged)
        names = {name for job in jobs for name in (job.job_id, *job.config.get("groups", ()))}
        missing = unmatched(tokens, names, allow_no_match=allow_no_match)
        for error in damaged:
            if error.id.removeprefix(job_document("")) in missing:
                raise error
        if missing:
            raise unknown_job(",".join(missing))
        return jobs

    async def named(self, names: Iterable[str]) -> list[StoredJob]:
        """The jobs that have one of these ids or are in one of these groups."""
        wanted = [*names]
        return await self._search(naming(wanted, ("job_id", "groups"))) if wanted else []

    async def _search(self, query: Json, damaged: list[DamagedDocument] | None = None) -> list[StoredJob]:
        body = {
            "size": MAX_JOBS,
            "query": {"bool": {"filter": [{"term": {"type": "job"}}, query]}},
            "sort": ["job_id"],
            "seq_no_primary_term": True,
            "track_total_hits": False,
        }
        params = {"ignore_unavailable": True}
        answer = await self._client.request("POST", f"{self._path}/_search", params=params, body=body, retry=True)
        return [_stored(hit) for hit in sound(answer["hits"]["hits"], _Document, damaged)]

    async def create(self, config: Config) -> StoredJob:
        """Stores a new job.

        Raises:
            MlError: 400 where its id is taken.
        """
        job_id = str(config["job_id"])
        path = self._document_path("_create", job_id)
        try:
            created = await self._client.request("PUT", path, params=INTO_ALIAS, body=_document(config))
        except ClusterError as error:
            if error.status == 409:
                raise id_is_taken(job_id) from error
            raise
        return StoredJob(config, created["_seq_no"], created["_primary_term"])

    async def replace(self, stored: StoredJob, config: Config) -> StoredJob:
        """The job with its new configuration; what stands beside it stays.

        Raises:
            ClusterError: 409 where it changed since it was read.
        """
        read = Condition(stored.seq_no, stored.primary_term)
        body = _document(config, stored.block_options)
        changed = await self._documents.put(job_document(stored.job_id), body, read, refreshes=True)
        return StoredJob(config, changed["_seq_no"], changed["_primary_term"], stored.block_options)

    async def block(self, job_id: str, blocked: Mapping[str, Json], options: Mapping[str, Json]) -> StoredJob:
        """Stores what a job is blocked by, together with what is needed to finish that work.

        Raises:
            MlError: 404 where there is no such job, 409 where others keep being faster.
        """
        changes = {"blocked": dict(blocked)} | ({"deleting": True} if blocked["reason"] == "delete" else {})
        for _ in range(_ATTEMPTS):
            stored = await self.get(job_id)
            try:
                return await self.replace(replace(stored, block_options=options), _patched(stored, changes))
            except ClusterError as error:
                if error.status != 409:
                    raise
                conflict = error
        raise conflict

    async def change(self, job_id: str, change: Callable[[StoredJob], Config]) -> StoredJob:
        """Applies ``change`` to the newest state, again where others were faster.

        It runs in a thread: a configuration may be as large as a request.

        Raises:
            MlError: 404 where there is no such job, 409 where others keep being faster, and what ``change`` raises.
        """
        for _ in range(_ATTEMPTS):
            stored = await self.get(job_id)
            changed = await asyncio.to_thread(change, stored)
            if changed == stored.config:
                return stored
            try:
                return await self.replace(stored, changed)
            except ClusterError as error:
                if error.status != 409:
                    raise
                conflict = error
        raise conflict

    async def patch(self, job_id: str, changes: Mapping[str, Json]) -> StoredJob:
        """Sets top-level fields of a job; None takes one away."""
        return await self.change(job_id, lambda stored: _patched(stored, changes))

    async def delete(self, job_id: str) -> None:
        """Removes the configuration, if it is there."""
        await self._client.find("DELETE", self._document_path("_doc", job_id), params={"refresh": True})

    async def name_clash(self, job_id: str | None, groups: Sequence[str]) -> tuple[str, str] | None:
        """A job and a group of one name that would exist with ``job_id`` and ``groups``, if any."""
        if job_id is not None and job_id in groups:
            return job_id, job_id
        taken: list[Json] = [{"terms": {"job_id": list(groups)}}]
        if job_id is not None:
            taken.append({"term": {"groups": job_id}})
        for found in await self._search({"bool": {"should": taken}}):
            if job_id is not None and job_id in found.config.get("groups", ()):
                return job_id, job_id
            if found.job_id in groups:
                return found.job_id, found.job_id
        return None

    async def ids_with_results_in(self, results_index_name: str) -> list[str]:
        """The jobs that share a results index."""
        every = await self._search({"match_all": {}})
        return [job.job_id for job in every if job.config.get("results_index_name") == results_index_name]

    def _document_path(self, action: str, job_id: str) -> str:
        return f"{self._path}/{action}/{quote_expression(job_document(job_id))}"


def id_is_taken(job_id: str) -> MlError:
    return already_exists(f"The job cannot be created with the Id '{job_id}'. The Id is already used.")


def _patched(stored: StoredJob, changes: Mapping[str, Json]) -> Config:
    return key_order.ordered(stored.config | dict(changes), key_order.JOB)


def _document(config: Config, block_options: Mapping[str, Json] | None = None) -> Json:
    ordered = key_order.ordered(config, key_order.JOB)
    document = {"type": "job", "job_id": config["job_id"], "groups": config.get("groups", []), "job": ordered}
    if "blocked" in ordered and block_options:
        document["block_options"] = dict(block_options)
    return document


def _stored(found: Mapping[str, Json]) -> StoredJob:
    source = found["_source"]
    return StoredJob(source["job"], found["_seq_no"], found["_primary_term"], source.get("block_options", {}))
