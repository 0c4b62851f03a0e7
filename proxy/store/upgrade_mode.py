"""Whether the cluster is being upgraded, kept in the cluster so that every proxy knows."""

from __future__ import annotations

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names

_DOCUMENT = "upgrade_mode"


class UpgradeMode:
    """One document, absent until the mode is first set."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config_alias)}/_doc/{_DOCUMENT}"

    async def is_on(self) -> bool:
        found = await self._client.find("GET", self._path)
        return found is not None and bool(found["_source"]["enabled"])

    async def set(self, enabled: bool) -> None:
        source = {"type": "upgrade_mode", "enabled": enabled}
        await self._client.request("PUT", self._path, params={"require_alias": True}, body=source, retry=True)
