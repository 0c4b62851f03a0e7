"""Messages about jobs, as users read them in the notifications index."""

from __future__ import annotations

from typing import Literal

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names

_MAX_CHARACTERS = 8191
_CUT = "... (truncated)"


class Notifications:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._index = quote_expression(names.indices.notifications)

    async def write(self, job_id: str, level: Literal["info", "warning", "error"], message: str, now_ms: int) -> None:
        if len(message) > _MAX_CHARACTERS:
            message = message[: _MAX_CHARACTERS - len(_CUT)] + _CUT
        facts = await self._client.facts()
        source = {"job_id": job_id, "message": message, "level": level, "timestamp": now_ms,
                  "node_name": facts.node["name"], "job_type": "anomaly_detector"}  # fmt: skip
        await self._client.request("POST", f"/{self._index}/_doc", body=source)
