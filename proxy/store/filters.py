"""Filters in the cluster: lists of values that the custom rules of jobs refer to, one document each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from proxy.store.client import ClusterClient, Json
from proxy.store.named_documents import NamedDocuments, Stored
from proxy.store.names import Names
from proxy.store.results.queries import Page


@dataclass(frozen=True, slots=True)
class Filter:
    """``items`` are sorted, each once; build it with ``filter_of``."""

    filter_id: str
    items: tuple[str, ...]
    description: str | None = None

    def shown(self) -> dict[str, Json]:
        """As the API shows it and as it is stored."""
        described = {} if self.description is None else {"description": self.description}
        return {"filter_id": self.filter_id, **described, "items": list(self.items)}


def filter_of(filter_id: str, items: Iterable[str], description: str | None) -> Filter:
    """A filter whose items are in Elasticsearch's order, which compares UTF-16."""
    ordered = sorted(set(items), key=lambda item: item.encode("utf-16-be", "surrogatepass"))
    return Filter(filter_id, tuple(ordered), description)


@dataclass(frozen=True, slots=True)
class StoredFilter:
    """A filter as it was read, to be changed on the condition that nobody else did."""

    filter: Filter
    stored: Stored


class _Document(msgspec.Struct):
    filter: Filter


class Filters:
    """Reads and changes filters."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._documents = NamedDocuments(client, names.config_alias, "filter", _Document)

    async def find(self, filter_id: str) -> StoredFilter | None:
        stored = await self._documents.find(filter_id)
        return None if stored is None else StoredFilter(_read(stored), stored)

    async def page(self, expression: str | None, page: Page) -> tuple[int, list[Filter], list[str]]:
        """How many filters an expression names, a page of them in the order of their ids, and the ids it misses."""
        chosen = await self._documents.choose(expression)
        wanted = chosen.ids[page.from_ : page.from_ + page.size]
        found = [_read(stored) for stored in await self._documents.read_named(chosen, wanted)]
        return len(chosen.ids), found, chosen.missing

    async def create(self, filter: Filter) -> bool:
        """False where the id is taken."""
        return await self._documents.create(filter.filter_id, {"filter": filter.shown()})

    async def replace(self, former: StoredFilter, filter: Filter) -> bool:
        """False where others changed it since it was read."""
        return await self._documents.replace(former.stored, {"filter": filter.shown()})

    async def delete(self, filter_id: str) -> bool:
        """Whether there was such a filter."""
        return await self._documents.delete(filter_id)

    async def items_of(self, filter_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The items of those of the filters that exist.

        Raises:
            DamagedDocument: one of them is not what it should be.
        """
        found = await self._documents.read_all(filter_ids) if filter_ids else []
        return {stored.id: list(_read(stored).items) for stored in found}


def _read(stored: Stored) -> Filter:
    source = stored.source["filter"]
    return Filter(source["filter_id"], tuple(source["items"]), source.get("description"))
