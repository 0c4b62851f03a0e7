"""Begins a term in the cluster: the aliases that its writes need replace those of the term before, all at once.

The alias on the index of the lease bears the epoch: a change of aliases that does not find the one it expects there
changes nothing. So of two processes that both take themselves for the leader, the one with the lower epoch fails here,
however long it slept before. What these aliases are for is told in ``fence``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import unavailable
from proxy.resources import resource_dir
from proxy.store.client import ClusterClient, ClusterError, Json, Params, quote_expression
from proxy.store.fence import epoch_in, lease_alias, lease_index, term_alias
from proxy.store.names import Names
from proxy.store.setup import create_index, definition_of

_ATTEMPTS = 5
_BLOCKED = "cluster_block_exception"
_FIRST = "0-00000000"
# Of each index, the names of its aliases and what they are.
Held = Mapping[str, Mapping[str, Mapping[str, Json]]]


class Superseded(Exception):
    """A later term has begun."""


class Epochs:
    """``client`` is one without a fence."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._base = names.config

    async def prepare(self) -> None:
        """Makes the index of the lease, where it is not there."""
        index, definition = lease_index(self._base), definition_of(resource_dir("mappings") / "lease.json")
        await create_index(self._client, index, definition, [lease_alias(self._base), term_alias(self._base, _FIRST)])

    async def latest(self) -> int:
        """The epoch of the term that was begun last."""
        epoch, _ = self._begun(await self._held())
        return epoch

    async def begin(self, term: str, epoch: int) -> None:
        """Lets the term's writes through, and nobody else's; does no harm where it has begun already.

        Raises:
            Superseded: a later one has begun.
            MlError: the cluster does not do it now.
        """
        blocked: frozenset[str] = frozenset()
        for _ in range(_ATTEMPTS):
            held = {index: aliases for index, aliases in (await self._held()).items() if index not in blocked}
            begun, former = self._begun(held)
            if begun > epoch or (begun == epoch and former != term_alias(self._base, term)):
                raise Superseded
            try:
                answer = await self._client.request(
                    "POST", "/_aliases", body={"actions": self._swap(held, former, term)}
                )
            except ClusterError as error:
                if error.type == _BLOCKED and not blocked:
                    # One that nobody may change must not keep all others from being led.
                    blocked = await self._blocked(held)
                elif error.status != 404:
                    raise
                continue  # aliases or indices have changed since they were read
            if answer["acknowledged"]:
                return
            raise unavailable("not all nodes of the cluster know yet that another proxy leads")
        raise unavailable("the indices of the cluster change all the time")

    async def _held(self) -> Held:
        names, own = self._names, self._names.own() | self._names.of_alerting()
        standing = [alias for _, aliases in own.values() for alias in aliases]
        indices = [lease_index(self._base), *own, *standing, names.all_results, names.all_state]
        path = f"/{','.join(map(quote_expression, indices))}/_alias"
        params: Params = {"ignore_unavailable": True, "expand_wildcards": "all"}
        answer = await self._client.request("GET", path, params=params, retry=True)
        return {index: about["aliases"] for index, about in answer.items()}

    async def _blocked(self, held: Held) -> frozenset[str]:
        """The indices that are read-only, or whose disk is full; they get their aliases once they are written to."""
        path = f"/{','.join(map(quote_expression, held))}/_settings/index.blocks.*"
        params: Params = {"ignore_unavailable": True, "flat_settings": True, "expand_wildcards": "all"}
        found = await self._client.request("GET", path, params=params, retry=True)
        return frozenset(index for index, about in found.items() if "true" in about["settings"].values())

    def _begun(self, held: Held) -> tuple[int, str | None]:
        """The epoch that the lease's index bears, and the alias that says so."""
        aliases = held.get(lease_index(self._base), {})
        found = [(epoch, alias) for alias in aliases if (epoch := epoch_in(self._base, alias)) is not None]
        return max(found) if found else (0, None)

    def _swap(self, held: Held, former: str | None, term: str) -> list[Json]:
        lease, alias = lease_index(self._base), term_alias(self._base, term)
        actions: list[Json] = []
        if former is not None:
            actions.append({"remove": {"index": lease, "alias": former, "must_exist": True}})
        actions.append({"add": {"index": lease, "alias": alias, "is_hidden": True}})
        for index, aliases in held.items():
            if index == lease:
                continue
            if any(name.startswith(f"{self._base}-epoch-") for name in aliases):
                actions.append({"remove": {"index": index, "alias": f"{self._base}-epoch-*", "must_exist": False}})
            writable = [f"{alias}-{name}" for name in self._written_through(index, aliases)]
            actions.append({"add": {"index": index, "aliases": writable, "is_hidden": True}})
        return actions

    def _written_through(self, index: str, aliases: Mapping[str, Mapping[str, Json]]) -> Iterator[str]:
        """The names by which an index is written to: its own, and those that lead to it wherever it is."""
        yield index
        for _, standing in (self._names.own() | self._names.of_alerting()).values():
            yield from (name for name in standing if name in aliases and aliases[name].get("is_write_index", True))
