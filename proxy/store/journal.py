"""What an open job has been given since its model was last saved, so that a killed process loses nothing.

Entries are written before the model sees them, and removed once a saved model contains them.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import orjson

from proxy.errors import unavailable
from proxy.store.client import ClusterClient, Json, quote_expression
from proxy.store.damaged import DamagedDocument, Found, refuse_damaged
from proxy.store.gone import IndexGone, raise_if_gone
from proxy.store.grouping import Grouped
from proxy.store.names import Names

# Base64 and JSON around it stay well under the cluster's limit on one request.
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
# Larger ones gain nothing by company, and would hold it up.
_SMALL_BYTES = 64 * 1024
_ASIDE = "aside"
_IS_ASIDE = {"term": {"kind": _ASIDE}}
# What a name is made of.
NAMES = ["kind", "sequence"]
# A model in one piece, as nearly all are.
_ONE_PIECE = "model:1"
# So many pieces are small enough to come in one answer.
_MODELS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Saved:
    """A model with all entries up to ``sequence`` in it."""

    sequence: int
    model: bytes


@dataclass(frozen=True, slots=True)
class Name:
    """A document of the journal as far as it is needed to know what there is."""

    id: str
    kind: str
    sequence: int


class _Document(msgspec.Struct):
    kind: str
    sequence: int
    payload: str


class JournalGone(IndexGone):
    """Somebody has deleted the journal, and with it all that only the models of open jobs know now."""


class Journal:
    """Entries and saved models of open jobs, in an index of their own."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._index = names.journal
        self._alias = names.journal_write_alias
        self._path = quote_expression(names.journal)
        self._last_try = 0
        self._held: dict[str, dict[str, int]] = {}
        self._small = Grouped(self._bulk_together)
        self._models = Grouped(self._read_together, _MODELS_AT_ONCE)

    async def append(self, job_id: str, sequence: int, payload: bytes) -> int:
        """Writes the entry numbered ``sequence``; returns the next free number.

        Raises:
            MlError: 503 where the cluster did not take it; then it does not count. JournalGone where it is not there.
        """
        # Each try has an id of its own: one that was refused may still land, behind the next that was acknowledged.
        # It comes behind all former ones, also where the clock is put back between two tries.
        self._last_try = max(time.time_ns(), self._last_try + 1)
        # What a former leader still managed to write comes before, whatever its clock says.
        entry = f"{_entries_of(job_id, sequence)}9{self._client.fence.epoch:010d}{self._last_try:020d}"
        if job_id in self._held:
            self._held[job_id][entry] = sequence
        await self._write(job_id, [(entry, sequence, "entry", payload)], action="create")
        return sequence + 1

    async def set_aside(self, job_id: str, sequence: int) -> None:
        """Offers an entry to no model any more; it is kept, for who seeks the cause, until the job is reset."""
        of_entry = [{"term": {"kind": "entry"}}, {"term": {"sequence": sequence}}]
        query = {"bool": {"filter": [of_job_in_journal(job_id), *of_entry]}}
        await self._refresh()
        for found in await self._client.search_all(self._index, query):
            payload = base64.b64decode(found["_source"]["payload"])
            aside = found["_id"].replace("#entry#", f"#{_ASIDE}#")
            await self._write(job_id, [(aside, sequence, _ASIDE, payload)])
            await self._client.bulk(self._deletion(found["_id"]) + b"\n", require_alias=True)

    async def save_model(self, job_id: str, saved: Saved) -> None:
        """Replaces the saved model, then drops the entries that it contains.

        Raises:
            MlError: 503 where the cluster did not take it. JournalGone where it is not there.
        """
        size = MAX_PAYLOAD_BYTES
        parts = [saved.model[start : start + size] for start in range(0, len(saved.model), size)] or [b""]
        rows = [
            (f"{job_id}#model#{saved.sequence}#{part}", saved.sequence, f"model:{len(parts)}", payload)
            for part, payload in enumerate(parts)
        ]
        fresh = {document_id: sequence for document_id, sequence, _, _ in rows}
        if job_id not in self._held:
            await self._write(job_id, rows)
            await self._drop(job_id, _contained_in(saved))
            return
        held = self._held[job_id]
        held |= fresh
        await self._write(job_id, rows)
        stale = [name for name, sequence in held.items() if sequence <= saved.sequence and name not in fresh]
        await self._delete(stale)
        for name in stale:
            held.pop(name, None)

    async def read(self, job_id: str, names: Sequence[Name]) -> tuple[Saved | None, list[tuple[int, bytes]]]:
        """The newest whole saved model, and the entries after it in order; ``names`` are those of all documents.

        From now on it is known which documents there are, because only one process at a time writes those of a job:
        what a saved model contains is dropped without a search, until ``let_go``.

        Raises:
            DamagedDocument: one of them cannot be read, so that data would be lost by going on without it.
        """
        names = [name for name in names if name.kind != _ASIDE]
        self._held[job_id] = {name.id: name.sequence for name in names}
        sources = await self._sources(job_id, names)
        for name, source in sources:
            _refuse_damaged({"_index": self._index, "_id": name, "_source": source})
        saved = _newest_model(sources)
        after = saved.sequence if saved else -1
        # Of several tries to write one entry, the last is the one that was acknowledged.
        tries = sorted((s["sequence"], name, s["payload"]) for name, s in sources if s["kind"] == "entry")
        last = {number: payload for number, _, payload in tries if number > after}
        return saved, [(number, base64.b64decode(payload)) for number, payload in last.items()]

    async def _sources(self, job_id: str, names: Sequence[Name]) -> list[tuple[str, dict[str, Json]]]:
        """The whole documents by their ids."""
        if not names:
            return []
        if [name.kind for name in names] == [_ONE_PIECE]:
            source = await self._models.ask(names[0].id)
            if source is not None:
                return [(names[0].id, source)]
        hits = await self._client.search_all(self._index, of_job_in_journal(job_id), sort=["sequence"], page=10)
        return [(hit["_id"], hit["_source"]) for hit in hits]

    async def _read_together(self, ids: Sequence[str]) -> Sequence[dict[str, Json] | None]:
        answer = await self._client.request("POST", f"/{self._path}/_mget", body={"ids": list(ids)}, retry=True)
        return [found["_source"] if found.get("found") else None for found in answer["docs"]]

    def let_go(self, job_id: str) -> None:
        """Keeps nothing in mind of a job that is not open here any more."""
        self._held.pop(job_id, None)

    async def clear(self, job_id: str) -> None:
        """Drops what only a running job needs; without a search where it is known what there is."""
        if job_id in self._held:
            await self._delete(list(self._held.pop(job_id)))
        else:
            await self._drop(job_id, {"bool": {"must_not": _IS_ASIDE}})

    async def forget(self, job_id: str) -> None:
        """Drops all that there is of a job."""
        await self._drop(job_id, {"match_all": {}})

    async def _write(
        self, job_id: str, rows: Sequence[tuple[str, int, str, bytes]], *, action: Literal["index", "create"] = "index"
    ) -> None:
        batch: list[bytes] = []
        size = 0
        target = self._client.fence.into(self._alias)
        for document_id, sequence, kind, payload in rows:
            source = {
                "job_id": job_id,
                "kind": kind,
                "sequence": sequence,
                "payload": base64.b64encode(payload).decode(),
            }
            batch += [orjson.dumps({action: {"_index": target, "_id": document_id}}), orjson.dumps(source)]
            size += len(batch[-1])
            if size > MAX_PAYLOAD_BYTES:
                await self._send(batch)
                batch, size = [], 0
        if batch:
            await self._send(batch)

    async def _send(self, batch: list[bytes]) -> None:
        items = await self._bulk(batch)
        # A conflict is a try of the same request that had come through.
        failed = [item for item in items if item["status"] != 409]
        try:
            raise_if_gone(failed)
        except IndexGone as gone:
            raise JournalGone(gone.type, gone.reason, gone.status) from gone
        if failed:
            raise unavailable(f"the cluster did not store the data: {failed[0]['error']['reason']}")

    async def _refresh(self) -> None:
        await self._client.find("POST", f"/{self._path}/_refresh")

    async def _drop(self, job_id: str, which: object) -> None:
        self.let_go(job_id)
        await self._refresh()
        query = {"bool": {"filter": [of_job_in_journal(job_id), which]}}
        hits = await self._client.search_all(self._index, query, source=False)
        await self._delete([hit["_id"] for hit in hits])

    async def _delete(self, names: Sequence[str]) -> None:
        lines = [self._deletion(name) for name in names]
        for start in range(0, len(lines), 1000):
            await self._bulk(lines[start : start + 1000])

    async def _bulk(self, lines: Sequence[bytes]) -> Sequence[Mapping[str, Json]]:
        """The items that failed. Small requests of many jobs go together, as when thousands are saved at a stop."""
        body = b"\n".join(lines) + b"\n"
        if len(body) <= _SMALL_BYTES and await self._small.ask(body):
            return []
        return await self._client.bulk(body, require_alias=True)

    async def _bulk_together(self, bodies: Sequence[bytes]) -> Sequence[bool | None]:
        """True for each request, where nothing of any failed: whose it was is not told apart here."""
        failed = await self._client.bulk(b"".join(bodies), require_alias=True)
        return [None if failed else True] * len(bodies)

    def _deletion(self, document_id: str) -> bytes:
        return orjson.dumps({"delete": {"_index": self._client.fence.into(self._alias), "_id": document_id}})


def _refuse_damaged(found: Found) -> None:
    refuse_damaged(found, _Document)
    try:
        base64.b64decode(found["_source"]["payload"], validate=True)
    except binascii.Error as error:
        raise DamagedDocument(found, str(error)) from error


def _entries_of(job_id: str, sequence: int) -> str:
    return f"{job_id}#entry#{sequence}#"


def name_of(hit: Mapping[str, Json]) -> Name:
    """Also of a damaged document, which whoever reads it whole is told of."""
    source = hit["_source"]
    return Name(hit["_id"], str(source.get("kind")), int(source.get("sequence") or 0))


def of_job_in_journal(job_id: str) -> Json:
    """Also where somebody deleted the index and the next write made it anew, which maps every text as words."""
    return {"bool": {"should": [{"term": {"job_id": job_id}}, {"term": {"job_id.keyword": job_id}}]}}


def _contained_in(saved: Saved) -> Json:
    """Older models, and the entries that one contains."""
    before, up_to = ({"range": {"sequence": {name: saved.sequence}}} for name in ("lt", "lte"))
    entries = {"bool": {"must": [{"term": {"kind": "entry"}}, up_to]}}
    return {"bool": {"must_not": _IS_ASIDE, "minimum_should_match": 1, "should": [before, entries]}}


def _newest_model(sources: Sequence[tuple[str, dict[str, Json]]]) -> Saved | None:
    """Parts of a model whose writing was cut short are passed over."""
    parts: dict[int, dict[int, bytes]] = {}
    wanted: dict[int, int] = {}
    for document_id, source in sources:
        kind = str(source["kind"])
        if kind.startswith("model:"):
            sequence = int(source["sequence"])
            wanted[sequence] = int(kind.removeprefix("model:"))
            parts.setdefault(sequence, {})[int(document_id.rpartition("#")[2])] = base64.b64decode(source["payload"])
    whole = [sequence for sequence, found in parts.items() if len(found) == wanted[sequence]]
    if not whole:
        return None
    newest = max(whole)
    return Saved(newest, b"".join(part for _, part in sorted(parts[newest].items())))
