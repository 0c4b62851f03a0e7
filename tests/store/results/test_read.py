"""Results read from a real cluster: pages in parts, absent indices, and the mapping that they are stored with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.config import Config
from proxy.resources import resource_dir
from proxy.store.client import ClusterClient
from proxy.store.names import Names
from proxy.store.results import read as results_read
from proxy.store.results.pages import INFLUENCERS, stored_form
from proxy.store.results.queries import Page, ResultFilter, influencers, records
from proxy.store.results.read import Found, Results
from tests.http_client import HttpClient

INDEX = ".ml-anomalies-custom-read"
JOB = "read-in-parts"


@pytest.fixture(scope="module")
def index(cluster_client: HttpClient) -> Iterator[HttpClient]:
    definition = json.loads((resource_dir("mappings") / "results.json").read_bytes())
    aliases = {f".ml-anomalies-{JOB}": {"filter": {"term": {"job_id": JOB}}, "is_hidden": True}}
    cluster_client.delete(f"/{INDEX}")
    made = cluster_client.put(f"/{INDEX}", json_body=definition | {"aliases": aliases})
    assert made.status == 200, made.text
    yield cluster_client
    cluster_client.delete(f"/{INDEX}")


def run(config: Config, work: Any) -> Any:
    """Runs ``work(results)`` with a client that belongs to its loop."""

    async def within() -> Any:
        client = ClusterClient(config.elasticsearch)
        try:
            return await work(Results(client, Names(config.indices)))
        finally:
            await client.close()

    return asyncio.run(within())


def query(size: int, start: int = 0) -> dict[str, Any]:
    return records(ResultFilter(), sort="record_score", desc=True, page=Page(start, size))


@pytest.mark.parametrize(("start", "size"), [(0, 10), (0, 23), (3, 12), (0, 40), (20, 8), (0, 0)])
def test_a_page_in_parts_is_the_page(
    start: int, size: int, index: HttpClient, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[object] = []
    for number in range(23):
        lines.append({"index": {"_id": f"r{number}"}})
        lines.append({"job_id": JOB, "result_type": "record", "timestamp": number, "record_score": number % 5})
    assert index.post(f"/{INDEX}/_bulk?refresh=true", ndjson=lines).json()["errors"] is False

    async def both(results: Results) -> tuple[Found, list[bytes]]:
        whole = await results.find(JOB, query(size, start))
        monkeypatch.setattr(results_read, "PART_OF_PAGE", 4)
        return whole, [answer async for answer in results.answers_in_parts(JOB, query(size, start))]

    whole, answers = run(config, both)
    parts = [json.loads(answer)["hits"] for answer in answers]
    hits = [hit for part in parts for hit in part["hits"]]
    assert [hit["_source"]["record_score"] for hit in hits] == [hit.source["record_score"] for hit in whole.hits]
    assert len({hit["_id"] for hit in hits}) == len(whole.hits)
    assert parts[0]["total"]["value"] == whole.total == 23


@pytest.mark.parametrize("size", [10, 10_000])
def test_an_absent_alias_means_an_empty_page(size: int, config: Config) -> None:
    async def read(results: Results) -> list[bytes]:
        return [answer async for answer in results.answers_in_parts("nobody-at-all", query(size))]

    assert [hit for answer in run(config, read) for hit in json.loads(answer)["hits"]["hits"]] == []


def test_the_cluster_keeps_a_seal_until_it_writes_a_document_anew(index: HttpClient, config: Config) -> None:
    fields = {"job_id": JOB, "result_type": "influencer", "influencer_score": 60.0, "initial_influencer_score": 60.0,
              "probability": 1e-9, "bucket_span": 900, "is_interim": False}  # fmt: skip
    documents = [fields | {"timestamp": number} for number in range(3)]
    lines = [b'{"index":{"_id":"s%d"}}\n%b\n' % (one["timestamp"], stored_form(one)) for one in documents]
    assert index.post(f"/{INDEX}/_bulk", body=b"".join(lines)).json()["errors"] is False
    updated = index.post(f"/{INDEX}/_update/s1", json_body={"doc": {"influencer_score": 5}}, query={"refresh": "true"})
    assert updated.status == 200, updated.text
    search = influencers(ResultFilter(), sort="timestamp", desc=False, page=Page(0, 10))

    async def read(results: Results) -> bytes:
        [answer] = [answer async for answer in results.answers_in_parts(JOB, search)]
        return answer

    answer = run(config, read)
    assert len(INFLUENCERS.seal.cut(answer)[1]) == 2
    shown = [json.loads(b"{%b}" % text) for text in INFLUENCERS.part(answer).texts]
    assert [document["influencer_score"] for document in shown] == [60.0, 5.0, 60.0]


def test_the_mapping_types_what_is_listed_and_keeps_all_else_as_keywords(index: HttpClient) -> None:
    document = {
        "job_id": JOB,
        "result_type": "model_size_stats",
        "timestamp": "2016-06-01T00:00:00Z",
        "airline": ["AAL"],
        "total_category_count": 7,
        "model_size_stats": {"model_bytes": 5, "dead_category_count": 3},
        "causes": [{"by_field_value": "x", "odd": 1.5}],
        "quantiles": {"quantile_state": "opaque"},
        "unforeseen": {"inside": True},
    }
    assert index.post(f"/{INDEX}/_doc?refresh=true", json_body=document).status == 201
    properties = index.get(f"/{INDEX}/_mapping").json()[INDEX]["mappings"]["properties"]
    assert properties["airline"] == {"type": "keyword"}
    assert properties["total_category_count"] == {"type": "keyword"}
    assert properties["model_size_stats"]["properties"]["dead_category_count"] == {"type": "keyword"}
    assert properties["model_size_stats"]["properties"]["model_bytes"] == {"type": "long"}
    assert properties["causes"]["type"] == "nested"
    assert properties["quantiles"] == {"type": "object", "enabled": False}
    assert properties["unforeseen"]["properties"]["inside"] == {"type": "keyword"}
    assert properties["timestamp"] == {"type": "date"}


def test_field_values_are_found_without_naming_a_field(index: HttpClient) -> None:
    document = {
        "job_id": JOB,
        "timestamp": 1,
        "influencers": [{"influencer_field_name": "u", "influencer_field_values": ["ann"]}],
    }
    assert index.post(f"/{INDEX}/_doc?refresh=true", json_body=document).status == 201
    assert index.get(f"/{INDEX}/_search", query={"q": "ann"}).json()["hits"]["total"]["value"] == 1
