"""Messages about jobs, as users read them in the notifications index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import orjson

from proxy.store.client import ClusterClient, Json, Params, quote_expression
from proxy.store.gone import MakeAnew, with_index
from proxy.store.grouping import Grouped
from proxy.store.lease import machine_name
from proxy.store.names import Names

_MAX_CHARACTERS = 8191
_CUT = "... (truncated)"
_CREATED = 201
Message = Mapping[str, Json]


class Notifications:
    """Those that come at the same time, as when thousands of jobs are opened, go together."""

    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.notifications_write_alias)}"
        self._alias = names.notifications_write_alias
        self._make_anew = make_anew
        self._grouped = Grouped(self._write_together)
        self.node_name = machine_name()

    async def write(self, job_id: str, level: Literal["info", "warning", "error"], message: str, now_ms: int) -> None:
        if len(message) > _MAX_CHARACTERS:
            message = message[: _MAX_CHARACTERS - len(_CUT)] + _CUT
        source = {"job_id": job_id, "message": message, "level": level, "timestamp": now_ms,
                  "node_name": self.node_name, "job_type": "anomaly_detector"}  # fmt: skip
        if await self._grouped.ask(source) is None:
            await with_index(lambda: self._write(source), self._make_anew)

    async def _write(self, source: Message) -> None:
        await self._client.request("POST", f"{self._path}/_doc", params={"require_alias": True}, body=source)

    async def _write_together(self, sources: Sequence[Message]) -> Sequence[bool | None]:
        """True for each that was written."""
        target = orjson.dumps({"create": {"_index": self._client.fence.into(self._alias)}}) + b"\n"
        lines = b"".join(target + orjson.dumps(source) + b"\n" for source in sources)
        params: Params = {"require_alias": True, "filter_path": "items.*.status"}
        answer = await self._client.request("POST", "/_bulk", params=params, body=lines)
        return [True if item["create"]["status"] == _CREATED else None for item in answer["items"]]
