"""Which places operators have drained, kept in the cluster so that whoever leads next knows."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from proxy.store.client import ClusterClient, Json, quote_expression
from proxy.store.damaged import sound
from proxy.store.gone import MakeAnew, with_index
from proxy.store.names import Names

_DOCUMENT = "drained_places"


class _Document(msgspec.Struct):
    places: list[str]


class DrainedPlaces:
    """One document, absent until a place is first drained."""

    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._make_anew = make_anew
        self._path = f"/{quote_expression(names.config_alias)}/_doc/{_DOCUMENT}"

    async def read(self) -> frozenset[str]:
        found = await self._client.find("GET", self._path)
        return frozenset(
            place for each in sound([found] if found else [], _Document) for place in each["_source"]["places"]
        )

    async def write(self, places: Iterable[str]) -> None:
        body: Json = {"type": _DOCUMENT, "places": sorted(places)}

        async def put() -> Json:
            return await self._client.request("PUT", self._path, params={"require_alias": True}, body=body, retry=True)

        await with_index(put, self._make_anew)
