"""Single documents of one index, read and written together where many are asked for at the same time.

Each may be asked for a second time, alone, when it failed in company: what is written here has to bear that. Documents
that must not be written twice are written by their owners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.grouping import Grouped

_OUTCOMES = "items.*.status,items.*.error.type,items.*._seq_no,items.*._primary_term"


@dataclass(frozen=True, slots=True)
class Condition:
    """Which state of a document is to be replaced."""

    seq_no: int
    primary_term: int

    def params(self) -> dict[str, int]:
        return {"if_seq_no": self.seq_no, "if_primary_term": self.primary_term}


@dataclass(frozen=True, slots=True)
class _Write:
    action: str
    id: str
    source: Json
    condition: Condition | None
    refreshes: bool

    @property
    def params(self) -> Mapping[str, int]:
        return {} if self.condition is None else self.condition.params()


class SharedDocuments:
    """Documents behind an alias of ours."""

    def __init__(self, client: ClusterClient, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._path = f"/{quote_expression(alias)}"
        self._reads = Grouped(self._read_together)
        self._writes = Grouped(self._write_together)

    async def find(self, id: str) -> Mapping[str, Json] | None:
        """The document as it is now, with its state; None where there is none."""
        found = await self._reads.ask(id)
        if found is None:
            return await self._client.find("GET", f"{self._path}/_doc/{quote_expression(id)}")
        return found if found.get("found") else None

    async def create(self, id: str, source: Json) -> Mapping[str, Json]:
        """The state of the new document.

        Raises:
            ClusterError: 409 where it is there already, also by an earlier try of this very call.
        """
        return await self._write(_Write("create", id, source, None, refreshes=False))

    async def put(
        self, id: str, source: Json, condition: Condition | None = None, *, refreshes: bool = False
    ) -> Mapping[str, Json]:
        """The state of the document as it is now; ``refreshes`` where it shall be found by a search at once.

        Raises:
            ClusterError: 409 where the condition does not hold, also if an earlier try of this very call came through.
        """
        return await self._write(_Write("index", id, source, condition, refreshes))

    async def delete(self, id: str) -> None:
        """Removes the document, if it is there."""
        await self._write(_Write("delete", id, None, None, refreshes=False))

    async def _write(self, write: _Write) -> Mapping[str, Json]:
        return await self._writes.ask(write) or await self._write_alone(write)

    async def _write_alone(self, write: _Write) -> Mapping[str, Json]:
        action = "_create" if write.action == "create" else "_doc"
        path = f"{self._path}/{action}/{quote_expression(write.id)}"
        if write.action == "delete":
            return await self._client.find("DELETE", path) or {}
        params: Params = {**write.params, "require_alias": True, "refresh": write.refreshes}
        answer: Mapping[str, Json] = await self._client.request("PUT", path, params=params, body=write.source)
        return answer

    async def _read_together(self, ids: Sequence[str]) -> Sequence[Mapping[str, Json] | None]:
        answer = await self._client.request("POST", f"{self._path}/_mget", body={"ids": list(ids)}, retry=True)
        return [None if "error" in document else document for document in answer["docs"]]

    async def _write_together(self, writes: Sequence[_Write]) -> Sequence[Mapping[str, Json] | None]:
        """The state of each that was written, also of a document that was not there to be deleted."""
        target = self._client.fence.into(self._alias)
        lines: list[bytes] = []
        for write in writes:
            lines.append(orjson.dumps({write.action: {"_index": target, "_id": write.id, **write.params}}))
            if write.action != "delete":
                lines.append(orjson.dumps(write.source))
        refreshes = any(write.refreshes for write in writes)
        params: Params = {"require_alias": True, "refresh": refreshes, "filter_path": _OUTCOMES}
        answer = await self._client.request("POST", "/_bulk", params=params, body=b"\n".join(lines) + b"\n")
        outcomes = (next(iter(item.values())) for item in answer["items"])
        return [None if "error" in outcome else outcome for outcome in outcomes]
