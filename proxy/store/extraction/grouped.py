"""Searches of many datafeeds that are due at the same time, in one request. What they ask for is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec
import orjson

from proxy.store.client import ClusterClient, Params
from proxy.store.extraction.source import Json
from proxy.store.grouping import Grouped

_SEARCH = "/_search"
_TYPED = "typed_keys"


class _Outcome(msgspec.Struct):
    status: int = 200


class _Outcomes(msgspec.Struct):
    responses: list[msgspec.Raw]


_outcomes = msgspec.json.Decoder(_Outcomes)
_outcome = msgspec.json.Decoder(_Outcome)


@dataclass(frozen=True, slots=True)
class _Asked:
    indices: str
    params: Params
    body: Json

    def lines(self) -> bytes:
        options = {name: value for name, value in self.params.items() if name != _TYPED}
        head = {"index": self.indices.split(","), **options}
        return orjson.dumps(head) + b"\n" + orjson.dumps(self.body) + b"\n"


class GroupedSearches:
    """Searches with Lanewatch's own identity: those with keys of their own cannot share a request."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self._plain = Grouped(self._perform)
        self._typed = Grouped(self._perform_typed)

    async def search(self, path: str, params: Params, body: Json) -> bytes | None:
        """The answer of a search; None where it cannot be grouped, or has failed and is to be repeated alone."""
        indices = unquote(path.removesuffix(_SEARCH).removeprefix("/"))
        if not path.endswith(_SEARCH) or not indices:
            return None
        group = self._typed if _TYPED in params else self._plain
        return await group.ask(_Asked(indices, params, body))

    async def _perform(self, searches: Sequence[_Asked]) -> Sequence[bytes | None]:
        return await self._ask(searches, {})

    async def _perform_typed(self, searches: Sequence[_Asked]) -> Sequence[bytes | None]:
        return await self._ask(searches, {_TYPED: True})

    async def _ask(self, searches: Sequence[_Asked], params: Params) -> Sequence[bytes | None]:
        body = b"".join(search.lines() for search in searches)
        answer = await self._client.request("POST", "/_msearch", params=params, body=body, raw=True)
        found = [bytes(each) for each in _outcomes.decode(answer).responses]
        return [each if _outcome.decode(each).status == 200 else None for each in found]
