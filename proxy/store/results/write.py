"""Writes results: bulk lines through a job's write alias, with every item's own outcome looked at."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from proxy.errors import MlError, unavailable
from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.gone import GONE, IndexGone
from proxy.store.grouping import Grouped
from proxy.store.names import Names

# Measured: larger requests gain nothing, smaller ones pay more per document. Beyond this size the HTTP client warns
# that sending holds up the loop.
_MAX_REQUEST_BYTES = 1024 * 1024
_MAX_REQUEST_DOCUMENTS = 5000
# Jobs whose aliases make up one path, which the cluster bounds by 4 kB.
_MOST_REFRESHED = 24
# Larger ones gain nothing by company, and would hold it up.
_SMALL_BYTES = 64 * 1024
# Items that may succeed when sent again; the rest never will.
_RETRYABLE = frozenset({429, 502, 503, 504})
# Somebody has made the index read-only or closed it, or its disk is full: all of which can be undone.
_BLOCKED = frozenset({"cluster_block_exception", "index_closed_exception"})
_REJECTED = "es_rejected_execution_exception"
_PAUSES_S = (0.2, 0.6, 1.5)
_SPREAD = (0.7, 1.3)
# Of a line with a condition: the result was changed or deleted by others, and theirs stays.
_OVERTAKEN = "version_conflict_engine_exception"


class ResultsBlocked(MlError):
    """The index takes nothing until somebody has changed that."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result, and which of its versions was read."""

    id: str
    source: dict[str, Json]
    seq_no: int
    primary_term: int

    def condition(self) -> dict[str, Json]:
        """For a bulk line that overwrites this version and no other."""
        return {"_id": self.id, "if_seq_no": self.seq_no, "if_primary_term": self.primary_term}


class ResultsWriter:
    """Writes documents and makes them searchable."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._small = Grouped(self._write_together)
        self._refreshes = Grouped(self._refresh_together, _MOST_REFRESHED)

    async def write(self, lines: Sequence[bytes]) -> list[str]:
        """Writes all of ``lines``, each with its own action; returns the reasons of those that can never be written.

        Raises:
            MlError: 503 where the cluster cannot take them now. Repeating all of them is safe.
        """
        refused: list[str] = []
        for request in _requests(lines):
            whole = b"".join(request)
            written = await self._small.ask(whole) if len(whole) <= _SMALL_BYTES else None
            refused += [] if written is True else await self._until_taken(request)
        return refused

    async def _until_taken(self, lines: Sequence[bytes]) -> list[str]:
        """Sends those again that the cluster rejects for want of room, for as long as is worth waiting."""
        refused: list[str] = []
        for pause_s in _PAUSES_S:
            items = await self._items(lines)
            rejected = [line for line, item in zip(lines, items, strict=True) if _is_rejected(item)]
            refused += _refusals(item for item in items if not _is_rejected(item))
            if not rejected:
                return refused
            lines = rejected
            # Spread, so that all who were rejected in the same moment do not come back in the same moment.
            await asyncio.sleep(pause_s * random.uniform(*_SPREAD))
        return refused + _refusals(await self._items(lines))

    async def _items(self, lines: Sequence[bytes]) -> Sequence[Json]:
        answer = await self._bulk(b"".join(lines), retry=True)
        items: Sequence[Json] = answer["items"]
        return items

    async def _write_together(self, requests: Sequence[bytes]) -> Sequence[bool | None]:
        """True for each of several requests, where nothing of any was refused: whose it was is not told apart here."""
        answer = await self._bulk(b"".join(requests), retry=False)
        return [None if answer["errors"] else True] * len(requests)

    async def _bulk(self, lines: bytes, *, retry: bool) -> Json:
        params: Params = {"require_alias": True, "filter_path": "errors,items.*.error,items.*.status"}
        return await self._client.request("POST", "/_bulk", params=params, body=lines, retry=retry)

    async def refresh(self, job_id: str) -> None:
        """Makes results that were written searchable."""
        await self._refresh([self._names.write_alias(job_id)])

    async def refresh_annotations(self) -> None:
        await self._refresh([self._names.indices.annotations_write_alias])

    async def refresh_all(self, job_id: str) -> None:
        """Makes results, annotations and state searchable."""
        indices = self._names.indices
        aliases = [self._names.write_alias(job_id), indices.annotations_write_alias, indices.state_write_alias]
        await self._refresh(aliases)

    async def _refresh(self, aliases: Sequence[str]) -> None:
        await self._refreshes.ask_until_told(aliases)

    async def _refresh_together(self, asked: Sequence[Sequence[str]]) -> Sequence[bool]:
        every = sorted({alias for aliases in asked for alias in aliases})
        path = "/" + ",".join(map(quote_expression, every)) + "/_refresh"
        await self._client.request("POST", path, params={"ignore_unavailable": True}, retry=True)
        return [True] * len(asked)

    async def stored(self, job_id: str, ids: Sequence[str]) -> list[StoredResult]:
        """Results by their ids, as they are now and not as of the last refresh; absent ones are left out."""
        path = f"/{quote_expression(self._names.write_alias(job_id))}/_mget"
        answer = await self._client.find("POST", path, body={"ids": list(ids)})
        if answer is None:
            return []
        return [
            StoredResult(found["_id"], found["_source"], found["_seq_no"], found["_primary_term"])
            for found in answer["docs"]
            if found.get("found")
        ]

    async def documents(self, job_id: str, ids: Sequence[str]) -> dict[str, dict[str, Json]]:
        """Those of some results that exist, by their ids."""
        query = {"ids": {"values": list(ids)}}
        hits = await self._client.search_all(self._names.read_alias(job_id), query)
        return {hit["_id"]: hit["_source"] for hit in hits}


def _requests(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (size + len(line) > _MAX_REQUEST_BYTES or len(batch) >= _MAX_REQUEST_DOCUMENTS):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


_WRITES = re.compile(r"index|create")


def _is_rejected(item: Json) -> bool:
    """Whether an item was rejected because too many others wait to be written."""
    (outcome,) = item.values()
    return bool(outcome.get("error", {}).get("type") == _REJECTED)


def _refusals(items: Iterable[Json]) -> list[str]:
    refused: list[str] = []
    for item in items:
        action, outcome = next(iter(item.items()))
        if "error" not in outcome:
            continue
        kind, reason = outcome["error"]["type"], outcome["error"]["reason"]
        if kind == GONE and _WRITES.fullmatch(action):
            raise IndexGone(GONE, f"the cluster has no place for results: {reason}", 503)
        if kind in _BLOCKED:
            raise ResultsBlocked("cluster_block_exception", f"the cluster does not take results now: {reason}", 503)
        if outcome["status"] in _RETRYABLE:
            raise unavailable(f"the cluster does not take results now: {reason}")
        if kind not in (_OVERTAKEN, GONE):
            refused.append(str(reason))
    return refused
