"""What no job or snapshot leads to any more: state, and journal entries. Finding it, and deleting it.

Whether a job or a snapshot still exists is asked in ``runtime.orphans``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.store.client import ClusterClient, quote_expression
from proxy.store.names import Names
from proxy.store.removal import Pace, remove_matching

_STATE_ID = re.compile(r"(?P<job>.+)_(?:model_state_(?P<snapshot>.+)#\d+|quantiles|categorizer_state#\d+)")
_NAMED_AT_ONCE = 1_000
_MOST_JOBS = 100_000


@dataclass(frozen=True, slots=True)
class State:
    """A state document; ``snapshot_id`` is None for what belongs to the job itself."""

    document_id: str
    job_id: str
    snapshot_id: str | None


class Orphans:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def states(self) -> list[State]:
        """All state documents of jobs; what others keep there is passed over."""
        hits = await self._client.search_all(self._names.all_state, {"match_all": {}}, source=False)
        return [state for hit in hits if (state := state_of(str(hit["_id"]))) is not None]

    async def remove_states(self, states: Sequence[State], pace: Pace) -> None:
        for start in range(0, len(states), _NAMED_AT_ONCE):
            ids = [state.document_id for state in states[start : start + _NAMED_AT_ONCE]]
            await remove_matching(self._client, self._names.all_state, {"ids": {"values": ids}}, pace=pace)

    async def journalled(self) -> list[str]:
        """The jobs of which the journal holds anything."""
        body = {"size": 0, "aggs": {"jobs": {"terms": {"field": "job_id", "size": _MOST_JOBS}}}}
        path = f"/{quote_expression(self._names.journal)}/_search"
        answer = await self._client.request("POST", path, params={"ignore_unavailable": True}, body=body, retry=True)
        return [str(bucket["key"]) for bucket in answer.get("aggregations", {}).get("jobs", {}).get("buckets", [])]

    async def remove_empty_indices(self) -> None:
        """State indices with nothing in them, but for the one that is written to."""
        path = f"/{quote_expression(self._names.all_state)}"
        held = await self._client.find("GET", f"{path}/_alias", params={"expand_wildcards": "all"}) or {}
        kept, alias = self._names.indices.state, self._names.indices.state_write_alias
        for index, found in held.items():
            if index == kept or alias in found["aliases"]:
                continue
            counted = await self._client.find("GET", f"/{quote_expression(index)}/_count")
            if counted is not None and counted["count"] == 0:
                await self._client.find("DELETE", f"/{quote_expression(index)}")


def state_of(document_id: str) -> State | None:
    """Whose state a document is, by its id; None for one that is no job's."""
    match = _STATE_ID.fullmatch(document_id)
    return None if match is None else State(document_id, match["job"], match["snapshot"])
