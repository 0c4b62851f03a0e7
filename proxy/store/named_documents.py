"""Documents of one kind in an index of ours, each under its own id: calendars, filters, alert rules, connectors.

Read by id, so that what was just written is seen at once. What such a document says is its owner's matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.job_config.wildcards import Wildcard
from proxy.store.client import ClusterClient, ClusterError, Json, Params, quote_expression
from proxy.store.damaged import refuse_damaged, sound
from proxy.store.gone import INTO_ALIAS
from proxy.store.results.queries import Query

# One listing knows at most this many, as Elasticsearch's do.
_MAX_LISTED = 10_000
# A filter may hold ten thousand items.
_READ_AT_ONCE = 50
_ALL = ("", "_all", "*")


@dataclass(frozen=True, slots=True)
class Stored:
    """A document and its state, on which a change is conditional."""

    id: str
    source: Mapping[str, Json]
    seq_no: int
    primary_term: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ids that an expression names, in their order, and the exact ones in it that nothing has.

    ``is_exact``: it has no wildcard.
    """

    ids: list[str]
    missing: list[str]
    is_exact: bool = False


class NamedDocuments:
    """Reads and changes the documents of one kind.

    What is written can be searched at once, unless they are written too often for that: then ``refresh`` comes before
    a search. Reading by id needs neither.
    """

    def __init__(self, client: ClusterClient, alias: str, kind: str, shape: Any, *, refreshes: bool = True) -> None:
        """``shape`` is the type that their sources must be of, see ``damaged``."""
        self._client = client
        self._path = f"/{quote_expression(alias)}"
        self._kind = kind
        self._shape = shape
        self._write: Params = {**INTO_ALIAS, "refresh": refreshes}

    async def find(self, id: str) -> Stored | None:
        """
        Raises:
            DamagedDocument: it is not what it should be.
        """
        return next(iter(await self.read_all([id])), None)

    async def read(self, ids: Sequence[str], *, without: Sequence[str] = ()) -> list[Stored]:
        """Those of the documents that exist and are sound, in the order of ``ids``, without some of their fields."""
        return [self._stored(found) for found in sound(await self._get(ids, without), self._shape)]

    async def read_all(self, ids: Sequence[str], *, without: Sequence[str] = ()) -> list[Stored]:
        """As ``read``.

        Raises:
            DamagedDocument: one of them is not what it should be.
        """
        every = await self._get(ids, without)
        for found in every:
            refuse_damaged(found, self._shape)
        return list(map(self._stored, every))

    async def _get(self, ids: Sequence[str], without: Sequence[str]) -> list[Mapping[str, Json]]:
        found: list[Mapping[str, Json]] = []
        for start in range(0, len(ids), _READ_AT_ONCE):
            batch = ids[start : start + _READ_AT_ONCE]
            docs = [{"_id": self._document_id(id), "_source": {"excludes": list(without)}} for id in batch]
            answer = await self._client.request("POST", f"{self._path}/_mget", body={"docs": docs}, retry=True)
            found += [document for document in answer["docs"] if document.get("found")]
        return found

    async def read_named(self, chosen: Chosen, ids: Sequence[str], *, without: Sequence[str] = ()) -> list[Stored]:
        """Some of the documents that an expression has named.

        Raises:
            DamagedDocument: one that it names exactly is not what it should be; others are passed over.
        """
        read = self.read_all if chosen.is_exact else self.read
        return await read(ids, without=without)

    async def choose(self, expression: str | None) -> Chosen:
        """What ids and wildcards, separated by commas, name; a wildcard may name nothing."""
        tokens = [token.strip() for token in (expression or "").split(",")]
        if not any(token in _ALL or "*" in token for token in tokens):
            known = [self._id_of(found) for found in await self._get(list(dict.fromkeys(tokens)), ["*"])]
        else:
            known = [self._id_of(hit) for hit in await self._search({"match_all": {}}, source=False)]
        return chosen(tokens, known)

    async def matching(self, query: Query) -> list[Stored]:
        """The sound documents that a query finds, in the order of their ids."""
        found = [self._stored(hit) for hit in sound(await self._search(query, source=True), self._shape)]
        return sorted(found, key=lambda stored: stored.id)

    async def _search(self, query: Query, *, source: bool) -> list[Mapping[str, Json]]:
        body = {
            "size": _MAX_LISTED,
            "query": {"bool": {"filter": [{"term": {"type": self._kind}}, query]}},
            "_source": source,
            "seq_no_primary_term": True,
            "track_total_hits": False,
        }
        params = {"ignore_unavailable": True}
        answer = await self._client.request("POST", f"{self._path}/_search", params=params, body=body, retry=True)
        return list(answer["hits"]["hits"])

    async def create(self, id: str, source: Mapping[str, Json]) -> bool:
        """Stores a new document; False where the id is taken."""
        try:
            await self._client.request(
                "PUT", self._document_path("_create", id), params=self._write, body=self._document(source)
            )
        except ClusterError as error:
            if error.status == 409:
                return False
            raise
        return True

    async def replace(self, stored: Stored, source: Mapping[str, Json]) -> bool:
        """Changes a document; False where it was changed or removed since it was read."""
        params = {"if_seq_no": stored.seq_no, "if_primary_term": stored.primary_term, **self._write}
        path = self._document_path("_doc", stored.id)
        try:
            await self._client.request("PUT", path, params=params, body=self._document(source))
        except ClusterError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def put(self, id: str, source: Mapping[str, Json]) -> None:
        """Stores a document, whatever was there."""
        path = self._document_path("_doc", id)
        await self._client.request("PUT", path, params=self._write, body=self._document(source), retry=True)

    async def refresh(self) -> None:
        """Makes what was written searchable."""
        await self._client.request("POST", f"{self._path}/_refresh", params={"ignore_unavailable": True})

    async def delete(self, id: str) -> bool:
        """Whether there was anything to delete."""
        path = self._document_path("_doc", id)
        return await self._client.find("DELETE", path, params={"refresh": True}) is not None

    def _document(self, source: Mapping[str, Json]) -> Json:
        return {"type": self._kind, **source}

    def _document_id(self, id: str) -> str:
        return f"{self._kind}-{id}"

    def _document_path(self, action: str, id: str) -> str:
        return f"{self._path}/{action}/{quote_expression(self._document_id(id))}"

    def _id_of(self, found: Mapping[str, Json]) -> str:
        return str(found["_id"]).removeprefix(f"{self._kind}-")

    def _stored(self, found: Mapping[str, Json]) -> Stored:
        return Stored(self._id_of(found), found.get("_source", {}), found["_seq_no"], found["_primary_term"])


def chosen(tokens: Sequence[str], known: Sequence[str]) -> Chosen:
    """Which of the known ids the tokens name, each once, in their order."""
    if any(token in _ALL for token in tokens):
        return Chosen(sorted(known), [token for token in tokens if _is_exact(token) and token not in known])
    patterns = [Wildcard.of(token) for token in tokens]
    named = sorted({id for id in known if any(pattern.matches(id) for pattern in patterns)})
    missing = [token for token in tokens if _is_exact(token) and token not in named]
    return Chosen(named, missing, all(map(_is_exact, tokens)))


def _is_exact(token: str) -> bool:
    return token not in _ALL and "*" not in token
