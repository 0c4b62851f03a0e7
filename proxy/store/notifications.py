"""Messages about jobs, as users read them in the notifications index."""

from __future__ import annotations

from typing import Literal

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.gone import MakeAnew, with_index
from proxy.store.names import Names

_MAX_CHARACTERS = 8191
_CUT = "... (truncated)"


class Notifications:
    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.notifications_write_alias)}/_doc"
        self._make_anew = make_anew

    async def write(self, job_id: str, level: Literal["info", "warning", "error"], message: str, now_ms: int) -> None:
        if len(message) > _MAX_CHARACTERS:
            message = message[: _MAX_CHARACTERS - len(_CUT)] + _CUT
        facts = await self._client.facts()
        source = {"job_id": job_id, "message": message, "level": level, "timestamp": now_ms,
                  "node_name": facts.node["name"], "job_type": "anomaly_detector"}  # fmt: skip
        params = {"require_alias": True}
        await with_index(lambda: self._client.request("POST", self._path, params=params, body=source), self._make_anew)
