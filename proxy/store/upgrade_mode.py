"""Whether the cluster is being upgraded, kept in the cluster so that every proxy knows."""

from __future__ import annotations

from proxy.errors import status_error
from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names
from proxy.store.shared_documents import SharedDocuments

_DOCUMENT = "upgrade_mode"


class UpgradeMode:
    """One document, absent until the mode is first set."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._is_changing = False
        self._documents = SharedDocuments(client, names.config_alias)
        self._path = f"/{quote_expression(names.config_alias)}/_doc/{_DOCUMENT}"

    async def is_on(self) -> bool:
        found = await self._documents.find(_DOCUMENT)
        return found is not None and found["_source"].get("enabled") is True

    async def set(self, enabled: bool) -> None:
        """
        Raises:
            MlError: 429 while an earlier change is not stored yet.
        """
        if self._is_changing:
            raise status_error("Cannot change [upgrade_mode]. Previous request is still being processed.", 429)
        source = {"type": "upgrade_mode", "enabled": enabled}
        self._is_changing = True
        try:
            await self._client.request("PUT", self._path, params={"require_alias": True}, body=source, retry=True)
        finally:
            self._is_changing = False
