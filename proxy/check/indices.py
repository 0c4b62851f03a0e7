"""Whether our indices are as we would make them: mappings, aliases, blocks. ``store.setup`` makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.check.finding import Finding, error, ok, warning
from proxy.resources import resource_path
from proxy.store import Store

Definition = Mapping[str, Any]


async def check_indices(store: Store) -> list[Finding]:
    """One finding for each fault, or one that says that there is none."""
    own = store.names.own()
    asked = ",".join([*own, store.names.all_results])
    found: Mapping[str, Definition] = await store.client.request(
        "GET", f"/{asked}", params={"ignore_unavailable": True, "expand_wildcards": "all"}
    )
    if not found:
        return [ok("indices", "there are none of ours yet, the first job makes them")]
    faults = [*_absent(own, found), *_differing(own, found)]
    if not faults:  # jobs cannot be read from an index that is not as it must be
        faults = await _jobs_without_aliases(store, found)
    return faults or [ok("indices", f"[{len(found)}] of ours are as they must be")]


def _absent(own: Mapping[str, object], found: Mapping[str, Definition]) -> Iterator[Finding]:
    for index in own:
        if index not in found:
            yield warning("indices", f"[{index}] is not there", "create or open a job, which makes it anew")


def _differing(own: Mapping[str, tuple[str, tuple[str, ...]]], found: Mapping[str, Definition]) -> Iterator[Finding]:
    for index, definition in found.items():
        file, aliases = own.get(index, ("results", ()))
        wanted = json.loads(resource_path(f"mappings/{file}.json").read_text(encoding="utf-8"))["mappings"]
        if faults := list(mapping_faults(wanted, definition["mappings"])):
            advice = "copy it into an index with the mapping of Lanewatch's folder [mappings] and give that its name"
            yield error("mappings", f"[{index}] {', '.join(faults)}", f"{advice}: [mappings/{file}.json]")
        for alias in aliases:
            if alias not in definition["aliases"]:
                advice = f"add the alias [{alias}] to [{index}], hidden, with POST /_aliases"
                yield error("aliases", f"[{index}] lacks the alias [{alias}]", advice)
        for block in sorted(definition["settings"]["index"].get("blocks", {})):
            advice = f"make room where a disk is full, then set [index.blocks.{block}] to null"
            yield error("indices", f"[{index}] is blocked by [index.blocks.{block}]", advice)


def mapping_faults(wanted: Definition, actual: Definition, prefix: str = "") -> Iterator[str]:
    """How a mapping falls short of the one that we would make; fields beyond it are no fault."""
    properties = actual.get("properties", {})
    for name, kind in wanted.get("properties", {}).items():
        field, there = f"{prefix}{name}", properties.get(name)
        if there is None:
            yield f"lacks the field [{field}]"
        elif _type(there) != _type(kind):
            yield f"has [{field}] as [{_type(there)}] instead of [{_type(kind)}]"
        else:
            yield from mapping_faults(kind, there, f"{field}.")


def _type(kind: Definition) -> str:
    return str(kind.get("type", "object"))


async def _jobs_without_aliases(store: Store, found: Mapping[str, Definition]) -> list[Finding]:
    aliases = {alias for definition in found.values() for alias in definition["aliases"]}
    advice = "open the job, which mends them"
    return [
        error("aliases", f"job [{job.job_id}] lacks [{', '.join(lacking)}]: its results cannot be read", advice)
        for job in await store.jobs.resolve("_all")
        if (lacking := sorted({store.names.read_alias(job.job_id), store.names.write_alias(job.job_id)} - aliases))
    ]
