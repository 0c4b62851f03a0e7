"""Makes the indices and aliases that jobs need, with the mappings of ``mappings/``.

Explicit mappings are used instead of templates: a complete cluster has templates of the highest priority of its own.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from proxy.errors import MlError, illegal_argument, status_error
from proxy.resources import resource_dir
from proxy.store.client import ClusterClient, ClusterError, Json, Params, quote_expression
from proxy.store.grouping import Grouped
from proxy.store.names import Names
from proxy.store.results.reserved_fields import is_reserved

# Far beyond what a cluster takes with its default settings: a thousand fields, of twenty steps at most.
_MOST_FIELDS, _MOST_STEPS = 10_000, 100
_HIDDEN = {"is_hidden": True}
# Jobs whose aliases make up one path, which the cluster bounds by 4 kB.
_MOST_LOOKED_UP = 12
# The indices that an alias leads to, with what it is there.
Leads = Mapping[str, Mapping[str, Json]]
# Indices with the names of their mappings and their aliases.
_Table = Mapping[str, tuple[str, tuple[str, ...]]]


def _listed(indices: Iterable[str]) -> str:
    return ",".join(map(quote_expression, indices))


def definition_of(path: Path) -> Json:
    return json.loads(path.read_bytes())


async def create_index(client: ClusterClient, index: str, definition: Json, aliases: Iterable[str]) -> None:
    """Makes an index with hidden aliases; one that is there already is left as it is."""
    settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True} | definition.get(
        "settings", {}
    ).get("index", {})
    body = {
        "settings": {"index": settings},
        "mappings": definition["mappings"],
        "aliases": dict.fromkeys(aliases, _HIDDEN),
    }
    try:
        await client.request("PUT", f"/{quote_expression(index)}", body=body)
    except ClusterError as error:
        if error.type != "resource_already_exists_exception":
            raise


class Indices:
    """Creates what is missing; what exists is left as it is."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._lock = asyncio.Lock()
        self._own = Grouped(self._ensure_own_together)
        self._lookups = Grouped(self._look_together, _MOST_LOOKED_UP)
        self._additions = Grouped(self._add_together)
        self._mappings = {path.stem: definition_of(path) for path in resource_dir("mappings").glob("*.json")}

    async def ensure_own(self) -> list[str]:
        """Makes what is missing of the indices that all jobs share, and their aliases; returns the indices made."""
        return await self._own.ask_until_told(None)

    async def _ensure_own_together(self, asked: Sequence[None]) -> Sequence[list[str]]:
        made = await self._ensure(self._names.own())
        return [made] * len(asked)

    async def ensure_alerting(self) -> list[str]:
        """As ``ensure_own``, of the indices of alert rules."""
        return await self._ensure(self._names.of_alerting())

    async def _ensure(self, indices: _Table) -> list[str]:
        async with self._lock:
            found = await self._add_missing_aliases(indices)
            missing = {index: about for index, about in indices.items() if index not in found}
            for index, (mapping, aliases) in missing.items():
                await create_index(self._client, index, self._mappings[mapping], aliases)
            if missing and self._client.fence.aliases(*missing):
                await self._add_missing_aliases(missing)
            return list(missing)

    async def ensure_aliases(self) -> None:
        """Adds the aliases that the indices of an earlier version lack; makes no index."""
        async with self._lock:
            await self._add_missing_aliases(self._names.own() | self._names.of_alerting())

    async def _add_missing_aliases(self, indices: _Table) -> frozenset[str]:
        """Of the indices of a table; returns those that are there."""
        params: Params = {"ignore_unavailable": True}
        found = await self._client.request("GET", f"/{_listed(indices)}/_alias", params=params)
        for index, (_, aliases) in indices.items():
            wanted = {*aliases, *self._client.fence.aliases(index, *aliases)}
            if index in found and (missing := wanted - found[index]["aliases"].keys()):
                await self._add_lost(index, sorted(missing))
        return frozenset(found)

    async def _add_lost(self, index: str, aliases: Iterable[str]) -> None:
        """Adds aliases that lead nowhere; one that leads to another index is somebody's rollover."""
        actions = [
            {"add": {"index": index, "alias": alias, "is_hidden": True}}
            for alias in aliases
            if not await self._client.exists(f"/_alias/{quote_expression(alias)}")
        ]
        if actions:
            await self._client.request("POST", "/_aliases", body={"actions": actions})

    async def identities(self) -> dict[str, str]:
        """The indices that all jobs share, as far as they are there; one that was made anew has another identity."""
        path = f"/{_listed(self._names.own())}/_settings/index.uuid"
        params: Params = {"ignore_unavailable": True, "flat_settings": True}
        found = await self._client.request("GET", path, params=params)
        return {index: str(about["settings"]["index.uuid"]) for index, about in found.items()}

    async def prepare_results(self, job_id: str, results_index_name: str, field_names: Iterable[str]) -> None:
        """The results index of a job, its two aliases, and keyword mappings for the fields that it copies.

        Raises:
            MlError: 400 where the fields clash with the index, or are too many for it.
        """
        index = self._names.results(results_index_name)
        if await self._client.find("GET", f"/{quote_expression(index)}/_settings/index.uuid") is None:
            async with self._lock:
                await create_index(self._client, index, self._mappings["results"], ())
        await self._add_fields(job_id, index, field_names)
        await self._additions.ask_until_told(self._results_aliases(job_id, index))

    async def ensure_results(self, job_id: str, results_index_name: str, field_names: Iterable[str]) -> bool:
        """Makes anew what somebody deleted of a job's index and aliases; whether there was something."""
        index = self._names.results(results_index_name)
        aliases = (self._names.write_alias(job_id), self._names.read_alias(job_id), *self._client.fence.aliases(index))
        is_whole = all((await self._look_up(aliases)).values())
        if not is_whole:
            await self.prepare_results(job_id, results_index_name, field_names)
        return not is_whole

    async def _look_up(self, aliases: Sequence[str]) -> Mapping[str, Leads]:
        """Where aliases lead; nowhere where they are not there."""
        return await self._lookups.ask_until_told(aliases)

    async def _look_together(self, asked: Sequence[Sequence[str]]) -> Sequence[Mapping[str, Leads]]:
        every = sorted({alias for aliases in asked for alias in aliases})
        found = await aliases_named(self._client, every)
        return [{alias: found[alias] for alias in aliases} for aliases in asked]

    async def targets(self, job_id: str, results_index_name: str) -> tuple[str, str, str]:
        """What is written through of a job: its results, its annotations, and its state."""
        into, indices = self._client.fence.into, self._names.indices
        results = await self._results_target(job_id, results_index_name)
        return results, into(indices.annotations_write_alias), into(indices.state_write_alias)

    async def _results_target(self, job_id: str, results_index_name: str) -> str:
        """Leads where the job's write alias does, which somebody may have moved."""
        alias = self._names.write_alias(job_id)
        if not self._client.fence.aliases(alias):
            return alias
        index = self._names.results(results_index_name)
        led_to = written_index((await self._look_up([alias]))[alias])
        if led_to not in (None, index):
            index = led_to
            await self._allow_writing(index)
        return self._client.fence.into(index)

    async def _allow_writing(self, index: str) -> None:
        actions = [{"add": {"index": index, "alias": alias, "is_hidden": True}}
                   for alias in self._client.fence.aliases(index)]  # fmt: skip
        await self._client.request("POST", "/_aliases", body={"actions": actions})

    async def _add_fields(self, job_id: str, index: str, field_names: Iterable[str]) -> None:
        names = set(field_names)
        if len(names) > _MOST_FIELDS or any(name.count(".") >= _MOST_STEPS for name in names):
            raise _too_many_fields(index)
        properties = {name: {"type": "keyword"} for name in sorted(names) if not is_reserved(name)}
        if not properties:
            return
        try:
            nested: dict[str, Json] = {}
            for name, kind in properties.items():
                _put_nested(nested, name.split("."), kind)
            await self._client.request("PUT", f"/{quote_expression(index)}/_mapping", body={"properties": nested})
        except ClusterError as error:
            raise _mapping_refusal(index, error) from error

    def _results_aliases(self, job_id: str, index: str) -> list[Json]:
        read = {"index": index, "alias": self._names.read_alias(job_id), "is_hidden": True,
                "filter": {"term": {"job_id": {"value": job_id}}}}  # fmt: skip
        written = (self._names.write_alias(job_id), *self._client.fence.aliases(index))
        writes = [{"index": index, "alias": alias, "is_hidden": True} for alias in written]
        return [{"add": each} for each in (read, *writes)]

    async def _add_together(self, asked: Sequence[Sequence[Json]]) -> Sequence[bool]:
        """In one change of the cluster's state, of which each takes long."""
        actions = [action for each in asked for action in each]
        await self._client.request("POST", "/_aliases", body={"actions": actions})
        return [True] * len(asked)


async def aliases_named(client: ClusterClient, aliases: Sequence[str]) -> dict[str, Leads]:
    """Where each of the aliases leads; nowhere where it is not there."""
    try:
        found = await client.request("GET", f"/_alias/{_listed(aliases)}", retry=True)
    except ClusterError as error:
        if error.status != 404:
            raise
        # Where some are missing, the others stand beside the error.
        found = {
            index: about for index, about in error.body().items() if isinstance(about, dict) and "aliases" in about
        }
    leads: dict[str, dict[str, Mapping[str, Json]]] = {alias: {} for alias in aliases}
    for index, about in found.items():
        for alias, details in about["aliases"].items():
            leads[alias][index] = details
    return {**leads}


def written_index(leads: Leads) -> str | None:
    """The index that is written to; None where there is none."""
    return next((index for index, about in leads.items() if about.get("is_write_index", True)), None)


async def index_behind(client: ClusterClient, alias: str) -> str | None:
    """The index that is written to through an alias; None where there is none."""
    return written_index((await aliases_named(client, [alias]))[alias])


def _put_nested(properties: dict[str, Json], path: list[str], kind: Json) -> None:
    if len(path) == 1:
        properties.setdefault(path[0], kind)
        return
    parent = properties.setdefault(path[0], {})
    parent.pop("type", None)
    _put_nested(parent.setdefault("properties", {}), path[1:], kind)


def _too_many_fields(index: str) -> MlError:
    return illegal_argument(
        f"Cannot create job in index '{index}' as the index.mapping.total_fields.limit setting will be violated"
    )


def _mapping_refusal(index: str, error: ClusterError) -> Exception:
    if "limit of total fields" in error.reason.lower():
        return _too_many_fields(index)
    clash = re.search(r"(?:mapper|mapping) \[([^\]]*)\]", error.reason)
    if error.status == 400 and clash:
        field = clash[1]
        return status_error(
            f"This job would cause a mapping clash with existing field [{field}] - "
            "avoid the clash by assigning a dedicated results index",
            400,
        )
    return error
