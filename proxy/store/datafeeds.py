"""Datafeed configurations in the cluster: one document per datafeed, at most one datafeed per job.

Beside the configuration stands the API key that its searches are made with; it is never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from proxy.job_config.datafeed_errors import id_is_taken, unknown_datafeed
from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.damaged import DamagedDocument, refuse_damaged, sound
from proxy.store.expressions import naming, tokens_of, unmatched
from proxy.store.gone import INTO_ALIAS
from proxy.store.names import Names
from proxy.store.shared_documents import SharedDocuments

# One listing shows at most this many; more ids than this in one query are not worth naming.
_MAX_DATAFEEDS = 10_000
_MAX_NAMED = 1_000

Config = dict[str, Json]


@dataclass(frozen=True, slots=True)
class StoredDatafeed:
    """A configuration, the API key of its searches in its encoded form, and the state of its document."""

    config: Config
    api_key: str | None = None
    seq_no: int = -1
    primary_term: int = -1

    @property
    def datafeed_id(self) -> str:
        return str(self.config["datafeed_id"])

    @property
    def job_id(self) -> str:
        return str(self.config["job_id"])


class _Datafeed(msgspec.Struct):
    datafeed_id: str
    job_id: str
    indices: list[str]
    query: dict[str, Json]
    query_delay: str | None = None
    frequency: str | None = None
    scroll_size: int | None = None
    chunking_config: dict[str, Json] = {}
    delayed_data_check_config: dict[str, Json] = {}
    indices_options: dict[str, Json] = {}
    runtime_mappings: dict[str, Json] = {}
    script_fields: dict[str, Json] = {}
    aggregations: dict[str, Json] = {}


class _Document(msgspec.Struct):
    datafeed: _Datafeed
    api_key: str | None = None


def datafeed_document(datafeed_id: str) -> str:
    return f"datafeed-{datafeed_id}"


class Datafeeds:
    """Reads and changes datafeed documents."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._path = f"/{quote_expression(names.config_alias)}"
        self._documents = SharedDocuments(client, names.config_alias)

    async def get(self, datafeed_id: str) -> StoredDatafeed:
        """The newest state of one datafeed.

        Raises:
            MlError: 404 where there is none, 400 where its document is damaged.
        """
        found = await self._documents.find(datafeed_document(datafeed_id))
        if found is None:
            raise unknown_datafeed(datafeed_id)
        refuse_damaged(found, _Document)
        return _stored(found)

    async def resolve(self, expression: str | None, allow_no_match: bool = True) -> list[StoredDatafeed]:
        """The datafeeds that ids and wildcards name, in order of their ids, in one request.

        Raises:
            MlError: 404 naming every exact id that nothing has, and without ``allow_no_match`` every idle wildcard.
            DamagedDocument: an exact id is of a datafeed whose document is damaged.
        """
        tokens = tokens_of(expression)
        damaged: list[DamagedDocument] = []
        found = await self._search([naming(tokens, ("datafeed_id",))], damaged)
        missing = unmatched(tokens, {each.datafeed_id for each in found}, allow_no_match=allow_no_match)
        for error in damaged:
            if error.id.removeprefix(datafeed_document("")) in missing:
                raise error
        if missing:
            raise unknown_datafeed(*missing)
        return found

    async def of_jobs(self, job_ids: Iterable[str]) -> dict[str, Config]:
        """The configuration of the datafeed of each of the jobs that has one, by job id, in one request."""
        wanted = list(job_ids)
        if not wanted:
            return {}
        found = await self._search([{"terms": {"job_id": wanted}}] if len(wanted) <= _MAX_NAMED else [])
        return {each.job_id: each.config for each in found}

    async def of_job(self, job_id: str) -> StoredDatafeed | None:
        found = await self._search([{"term": {"job_id": job_id}}])
        return found[0] if found else None

    async def _search(
        self, conditions: list[Json], damaged: list[DamagedDocument] | None = None
    ) -> list[StoredDatafeed]:
        body = {
            "size": _MAX_DATAFEEDS,
            "query": {"bool": {"filter": [{"term": {"type": "datafeed"}}, *conditions]}},
            "sort": ["datafeed_id"],
            "seq_no_primary_term": True,
            "track_total_hits": False,
        }
        params = {"ignore_unavailable": True}
        answer = await self._client.request("POST", f"{self._path}/_search", params=params, body=body, retry=True)
        return [_stored(hit) for hit in sound(answer["hits"]["hits"], _Document, damaged)]

    async def create(self, config: Config, api_key: str | None = None) -> None:
        """Stores a new datafeed.

        Raises:
            MlError: 400 where its id is taken.
        """
        datafeed_id = str(config["datafeed_id"])
        path = self._document_path("_create", datafeed_id)
        try:
            await self._client.request("PUT", path, params=INTO_ALIAS, body=_document(config, api_key))
        except ClusterError as error:
            if error.status == 409:
                raise id_is_taken(datafeed_id) from error
            raise

    async def replace(self, stored: StoredDatafeed, config: Config, api_key: str | None) -> None:
        """
        Raises:
            ClusterError: 409 where it changed since it was read.
        """
        params = {"if_seq_no": stored.seq_no, "if_primary_term": stored.primary_term, **INTO_ALIAS}
        path = self._document_path("_doc", stored.datafeed_id)
        await self._client.request("PUT", path, params=params, body=_document(config, api_key))

    async def delete(self, datafeed_id: str) -> None:
        """Removes the datafeed, if it is there."""
        await self._client.find("DELETE", self._document_path("_doc", datafeed_id), params={"refresh": True})

    def _document_path(self, action: str, datafeed_id: str) -> str:
        return f"{self._path}/{action}/{quote_expression(datafeed_document(datafeed_id))}"


def _document(config: Config, api_key: str | None) -> Json:
    document = {"type": "datafeed", "datafeed_id": config["datafeed_id"], "job_id": config["job_id"],
                "datafeed": config}  # fmt: skip
    return document if api_key is None else document | {"api_key": api_key}


def _stored(found: Mapping[str, Json]) -> StoredDatafeed:
    source = found["_source"]
    return StoredDatafeed(source["datafeed"], source.get("api_key"), found["_seq_no"], found["_primary_term"])
