"""Alerts: one document each, replaced as the alert goes on, never by an older one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from proxy.errors import unavailable
from proxy.store.client import ClusterClient, Json, Params
from proxy.store.gone import MakeAnew, raise_if_gone, with_index
from proxy.store.names import Names

_OVERTAKEN = 409


@dataclass(frozen=True, slots=True)
class AlertDocument:
    """``version`` grows with every change of the alert."""

    id: str
    version: int
    source: Mapping[str, Json]


class Alerts:
    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._alias = names.indices.alerts_alias
        self._make_anew = make_anew

    async def write(self, documents: Sequence[AlertDocument]) -> None:
        """Stores alerts, searchable afterwards; what is older than what is there is passed over.

        Raises:
            MlError: 503 where the cluster does not take them.
        """
        if documents:
            await with_index(lambda: self._write(documents), self._make_anew)

    async def ended(self, ids: Sequence[str], now_ms: int) -> Mapping[str, int]:
        """When those of the alerts have ended that are not active any more; one that is gone has ended now."""
        fields = ["kibana.alert.status", "kibana.alert.end"]
        docs = [{"_index": self._alias, "_id": id, "_source": fields} for id in ids]
        answer = await self._client.request("POST", "/_mget", body={"docs": docs}, retry=True)
        ended: dict[str, int] = {}
        for document in answer["docs"]:
            source = document.get("_source", {})
            # A shard that does not answer makes an error and no alert that is gone.
            is_gone = document.get("found") is False
            if is_gone or source.get("kibana.alert.status", "active") != "active":
                ended[document["_id"]] = int(source.get("kibana.alert.end") or now_ms)
        return ended

    async def _write(self, documents: Sequence[AlertDocument]) -> None:
        lines = b"".join(_line(self._client.fence.into(self._alias), document) for document in documents)
        params: Params = {"require_alias": True, "refresh": True}
        answer = await self._client.request("POST", "/_bulk", params=params, body=lines, retry=True)
        items = [next(iter(item.values())) for item in answer["items"]]
        failed = [item for item in items if item["status"] >= 400 and item["status"] != _OVERTAKEN]
        raise_if_gone(failed)
        if failed:
            raise unavailable(f"alerts could not be stored: {failed[0]['error']['reason']}")


def _line(alias: str, document: AlertDocument) -> bytes:
    action = {"_index": alias, "_id": document.id, "version": document.version, "version_type": "external_gte"}
    return orjson.dumps({"index": action}) + b"\n" + orjson.dumps(document.source) + b"\n"
