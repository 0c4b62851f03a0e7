"""Datafeed configurations in the cluster: one document per datafeed, at most one datafeed per job."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.errors import MlError, already_exists
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.names import Names

# One listing shows at most this many; more ids than this in one query are not worth naming.
_MAX_DATAFEEDS = 10_000
_MAX_NAMED = 1_000

Config = dict[str, Json]


def datafeed_document(datafeed_id: str) -> str:
    return f"datafeed-{datafeed_id}"


class Datafeeds:
    """Reads and changes datafeed documents."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config)}"

    async def of_jobs(self, job_ids: Iterable[str]) -> dict[str, Config]:
        """The datafeed of each of the jobs that has one, by job id, in one request."""
        wanted = list(job_ids)
        if not wanted:
            return {}
        filters: list[Json] = [{"term": {"type": "datafeed"}}]
        if len(wanted) <= _MAX_NAMED:
            filters.append({"terms": {"job_id": wanted}})
        body = {"size": _MAX_DATAFEEDS, "query": {"bool": {"filter": filters}}, "track_total_hits": False}
        params = {"ignore_unavailable": True}
        answer = await self._client.request("POST", f"{self._path}/_search", params=params, body=body, retry=True)
        sources = [hit["_source"] for hit in answer["hits"]["hits"]]
        return {source["job_id"]: source["datafeed"] for source in sources}

    async def create(self, config: Config) -> None:
        """Stores a new datafeed.

        Raises:
            MlError: 400 where its id is taken.
        """
        datafeed_id = str(config["datafeed_id"])
        document = {"type": "datafeed", "datafeed_id": datafeed_id, "job_id": config["job_id"], "datafeed": config}
        try:
            await self._client.request(
                "PUT", self._document_path("_create", datafeed_id), params={"refresh": True}, body=document
            )
        except ClusterError as error:
            if error.status == 409:
                raise id_is_taken(datafeed_id) from error
            raise

    async def delete(self, datafeed_id: str) -> None:
        """Removes the datafeed, if it is there."""
        await self._client.find("DELETE", self._document_path("_doc", datafeed_id), params={"refresh": True})

    def _document_path(self, action: str, datafeed_id: str) -> str:
        return f"{self._path}/{action}/{quote_expression(datafeed_document(datafeed_id))}"


def id_is_taken(datafeed_id: str) -> MlError:
    return already_exists(f"A datafeed with id [{datafeed_id}] already exists")
