"""Connectors in the cluster: where messages about alerts go, one document each.

Secrets are kept as they are given here: what is in them is ``alerting.secrets``' matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from proxy.store.client import ClusterClient, Json
from proxy.store.gone import MakeAnew, with_index
from proxy.store.named_documents import NamedDocuments, Stored
from proxy.store.names import Names


@dataclass(frozen=True, slots=True)
class Connector:
    """``secrets`` are references or encrypted, never what they stand for."""

    connector_id: str
    name: str
    connector_type_id: str
    config: Mapping[str, Json]
    secrets: Mapping[str, Json] = field(repr=False)

    def document(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "connector_type_id": self.connector_type_id,
            "connector": {"config": dict(self.config), "secrets": dict(self.secrets)},
        }


@dataclass(frozen=True, slots=True)
class StoredConnector:
    """A connector as it was read, to be changed on the condition that nobody else did."""

    connector: Connector
    stored: Stored


class _Inner(msgspec.Struct):
    config: dict[str, Json]
    secrets: dict[str, Json]


class _Document(msgspec.Struct):
    name: str
    connector_type_id: str
    connector: _Inner


class Connectors:
    """Reads and changes connectors."""

    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._documents = NamedDocuments(client, names.alerting_alias, "connector", _Document)
        self._make_anew = make_anew

    async def find(self, connector_id: str) -> StoredConnector | None:
        stored = await self._documents.find(connector_id)
        return None if stored is None else StoredConnector(_read(stored), stored)

    async def all(self) -> list[Connector]:
        """In the order of their ids."""
        return [_read(stored) for stored in await self._documents.matching({"match_all": {}})]

    async def create(self, connector: Connector) -> bool:
        """False where the id is taken."""
        return await with_index(
            lambda: self._documents.create(connector.connector_id, connector.document()), self._make_anew
        )

    async def replace(self, former: StoredConnector, connector: Connector) -> bool:
        """False where it was changed or removed since it was read."""
        return await self._documents.replace(former.stored, connector.document())

    async def delete(self, connector_id: str) -> bool:
        """Whether there was anything to delete."""
        return await self._documents.delete(connector_id)


def _read(stored: Stored) -> Connector:
    source, inner = stored.source, stored.source["connector"]
    return Connector(stored.id, source["name"], source["connector_type_id"], inner["config"], inner["secrets"])
