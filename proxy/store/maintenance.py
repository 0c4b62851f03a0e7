"""When the nightly upkeep was last finished, kept in the cluster so that a restart knows."""

from __future__ import annotations

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names

_DOCUMENT = "nightly_upkeep"


class Maintenance:
    """One document, absent until the first night is over."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config_alias)}/_doc/{_DOCUMENT}"

    async def finished_ms(self) -> int | None:
        found = await self._client.find("GET", self._path)
        finished_ms = None if found is None else found["_source"].get("finished_at")
        return finished_ms if isinstance(finished_ms, int) else None

    async def finish(self, now_ms: int) -> None:
        """Nothing is kept where there are no configurations yet."""
        source = {"type": _DOCUMENT, "finished_at": now_ms}
        await self._client.find("PUT", self._path, params={"require_alias": True}, body=source)
