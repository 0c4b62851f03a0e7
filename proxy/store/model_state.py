"""Saved models as documents in the state index, split so that no document grows too large to store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import orjson

from proxy.errors import unavailable
from proxy.store.client import ClusterClient, quote_expression
from proxy.store.gone import MakeAnew, raise_if_gone, with_index
from proxy.store.grouping import Grouped
from proxy.store.names import Names
from proxy.store.results import ids as result_ids

_PART_BYTES = 8 * 1024 * 1024
# Larger ones gain nothing by company, and would hold it up.
_SMALL_BYTES = 256 * 1024


class ModelStates:
    """Writes and reads the state of model snapshots."""

    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._make_anew = make_anew
        self._write_alias = names.indices.state_write_alias
        self._pattern = quote_expression(names.all_state)
        self._small = Grouped(self._write_together)

    async def write(self, job_id: str, snapshot_id: str, model: bytes) -> int:
        """Returns the number of documents.

        Raises:
            MlError: 503 where the cluster does not take them.
        """
        return await with_index(lambda: self._write(job_id, snapshot_id, model), self._make_anew)

    async def _write(self, job_id: str, snapshot_id: str, model: bytes) -> int:
        parts = [model[start : start + _PART_BYTES] for start in range(0, len(model), _PART_BYTES)]
        for number, part in enumerate(parts, start=1):
            document_id = result_ids.model_state(job_id, snapshot_id, number)
            target = self._client.fence.into(self._write_alias)
            action = orjson.dumps({"index": {"_index": target, "_id": document_id, "require_alias": True}})
            source = orjson.dumps({"model": base64.b64encode(part).decode()})
            lines = action + b"\n" + source + b"\n"
            if len(lines) <= _SMALL_BYTES and await self._small.ask(lines):
                continue
            failed = await self._client.bulk(lines, refresh=number == len(parts))
            raise_if_gone(failed)
            if failed:
                raise unavailable(
                    f"the cluster did not store the model of job [{job_id}]: {failed[0]['error']['reason']}"
                )
        return len(parts)

    async def _write_together(self, requests: Sequence[bytes]) -> Sequence[bool | None]:
        """True for each, where nothing of any failed: whose it was is not told apart here."""
        failed = await self._client.bulk(b"".join(requests), refresh=True)
        return [None if failed else True] * len(requests)

    async def read(self, job_id: str, snapshot_id: str, documents: int) -> bytes | None:
        """The model of a snapshot; None where a part of it is missing, or is not ours."""
        ids = [result_ids.model_state(job_id, snapshot_id, number) for number in range(1, documents + 1)]
        parts: list[bytes] = []
        for document_id in ids:
            body = {"query": {"ids": {"values": [document_id]}}, "size": 1}
            answer = await self._client.find("POST", f"/{self._pattern}/_search", body=body)
            if answer is None:
                return None
            hits = answer["hits"]["hits"]
            if not hits or not isinstance(hits[0]["_source"].get("model"), str):
                return None
            try:
                parts.append(base64.b64decode(hits[0]["_source"]["model"], validate=True))
            except binascii.Error:
                return None
        return b"".join(parts)
