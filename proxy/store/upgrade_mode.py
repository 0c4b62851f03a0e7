"""Whether the cluster is being upgraded, kept in the cluster so that every proxy knows."""

from __future__ import annotations

from proxy.store.client import ClusterClient, ClusterError, quote_expression
from proxy.store.names import Names

_DOCUMENT = "upgrade_mode"


class UpgradeMode:
    """One document, absent until the mode is first set."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config)}/_doc/{_DOCUMENT}"

    async def is_on(self) -> bool:
        try:
            found = await self._client.request("GET", self._path, retry=True)
        except ClusterError as error:
            if error.status == 404:
                return False
            raise
        return bool(found["_source"]["enabled"])

    async def set(self, enabled: bool) -> None:
        source = {"type": "upgrade_mode", "enabled": enabled}
        await self._client.request("PUT", self._path, body=source, retry=True)
