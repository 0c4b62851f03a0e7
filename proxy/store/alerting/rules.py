"""Alert rules as they are stored, and beside each what became of its last run: two documents, changed by two owners."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from proxy.store.client import ClusterClient, Json
from proxy.store.named_documents import NamedDocuments, Stored
from proxy.store.names import Names

Rule = Mapping[str, Json]


class _Schedule(msgspec.Struct):
    interval: str


class _Rule(msgspec.Struct):
    id: str
    name: str
    rule_type_id: str
    enabled: bool
    tags: list[str]
    schedule: _Schedule
    params: dict[str, Json]
    actions: list[dict[str, Json]]
    muted_alert_ids: list[str]
    mute_all: bool
    revision: int


class _Document(msgspec.Struct):
    rule: _Rule


class _Run(msgspec.Struct):
    run: dict[str, Json]


class AlertRules:
    """Reads and changes rules; where nobody has made one yet there is no index, and no rule."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._rules = NamedDocuments(client, names.alerting_alias, "rule", _Document)
        self._runs = NamedDocuments(client, names.alerting_alias, "rule_run", _Run, refreshes=False)

    async def find(self, rule_id: str) -> Stored | None:
        """
        Raises:
            DamagedDocument: it cannot be read.
        """
        return await self._rules.find(rule_id)

    async def all(self) -> list[Rule]:
        """Every rule, by id."""
        return [stored.source["rule"] for stored in await self._rules.matching({"match_all": {}})]

    async def create(self, rule: Rule) -> bool:
        """False where the id is taken."""
        return await self._rules.create(rule["id"], _document(rule))

    async def replace(self, stored: Stored, rule: Rule) -> bool:
        """False where others changed it since it was read."""
        return await self._rules.replace(stored, _document(rule))

    async def delete(self, rule_id: str) -> bool:
        """Whether there was such a rule."""
        await self._runs.delete(rule_id)
        return await self._rules.delete(rule_id)

    async def runs(self, rule_ids: list[str]) -> dict[str, Mapping[str, Json]]:
        """What became of the last run of each, as far as they have run."""
        return {stored.id: stored.source["run"] for stored in await self._runs.read(rule_ids)}

    async def ran(self, rule_id: str, run: Mapping[str, Json]) -> None:
        """Stores what became of a run; the last who says so counts."""
        await self._runs.put(rule_id, {"run": run})


def _document(rule: Rule) -> dict[str, Json]:
    shown = {name: rule[name] for name in ("name", "rule_type_id", "enabled", "tags")}
    return {**shown, "rule": rule}
