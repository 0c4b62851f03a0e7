"""What the cluster knows about its nodes."""

from __future__ import annotations

from proxy.store.client import ClusterClient, Json, quote_expression


class Nodes:
    def __init__(self, client: ClusterClient) -> None:
        self._client = client

    async def all(self) -> dict[str, Json]:
        """Every node's name, addresses, ephemeral id, attributes and roles, by its id."""
        answer = await self._client.request("GET", "/_cluster/state/nodes", retry=True)
        return dict(answer["nodes"])

    async def memory(self, which: str | None) -> Json:
        """Memory of the machine and of the Java process, of the nodes that an expression names."""
        path = f"/_nodes/{quote_expression(which or '_all')}/stats/os,jvm"
        return await self._client.request("GET", path, retry=True)
