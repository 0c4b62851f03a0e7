"""The official client on what is not machine learning, pointed at the proxy instead of the cluster."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from elasticsearch import ConflictError, Elasticsearch, NotFoundError, RequestError, helpers

INDEX = "through"
ROWS = 2_500


@pytest.fixture(scope="module")
def index(es: Elasticsearch) -> Iterator[str]:
    """An index with numbered rows, made and filled through the proxy."""
    es.options(ignore_status=404).indices.delete(index=INDEX)
    es.indices.create(
        index=INDEX,
        settings={"number_of_shards": 1, "number_of_replicas": 0},
        mappings={"properties": {"number": {"type": "integer"}, "parity": {"type": "keyword"}}},
    )
    rows = ({"_id": str(number), "number": number, "parity": "odd" if number % 2 else "even"} for number in range(ROWS))
    written, errors = helpers.bulk(es, rows, index=INDEX, chunk_size=500, refresh=True)
    assert (written, errors) == (ROWS, [])
    yield INDEX
    es.indices.delete(index=INDEX)


def test_the_client_recognises_elasticsearch(es, cluster_client):
    info = es.info()
    (node,) = cluster_client.get("/_nodes/_local").json()["nodes"].values()
    assert info["version"]["number"] == node["version"]
    assert info["cluster_uuid"] == cluster_client.get("/_cluster/state/version").json()["cluster_uuid"]
    assert info["tagline"] == "You Know, for Search"
    assert es.ping()


def test_the_greeting_honours_filter_path_and_pretty(client):
    assert list(client.get("/", query={"filter_path": "version.number"}).json()["version"]) == ["number"]
    assert b"\n" in client.get("/").body
    assert b"\n" not in client.get("/", query={"pretty": "false"}).body


def test_search_and_aggregations(es, index):
    found = es.search(
        index=index,
        query={"range": {"number": {"gte": 2000}}},
        aggs={"by_parity": {"terms": {"field": "parity"}}},
        track_total_hits=True,
        size=3,
        sort=["number"],
    )
    assert found["hits"]["total"]["value"] == 500
    assert [hit["_source"]["number"] for hit in found["hits"]["hits"]] == [2000, 2001, 2002]
    assert [(b["key"], b["doc_count"]) for b in found["aggregations"]["by_parity"]["buckets"]] == [
        ("even", 250),
        ("odd", 250),
    ]


def test_scroll_returns_every_row_once(es, index):
    numbers = [hit["_source"]["number"] for hit in helpers.scan(es, index=index, size=400)]
    assert sorted(numbers) == list(range(ROWS))


def test_documents_with_sequence_numbers(es, index):
    stored = es.get(index=index, id="7")
    expected = {"if_seq_no": stored["_seq_no"], "if_primary_term": stored["_primary_term"]}
    es.index(index=index, id="7", document=stored["_source"], **expected)
    with pytest.raises(ConflictError):
        es.index(index=index, id="7", document=stored["_source"], **expected)


@pytest.mark.parametrize("document_id", ["a/b", "a b%2F?", "ü,*", "..", "+"])
def test_ids_that_need_encoding(es, index, document_id):
    es.index(index=index, id=document_id, document={"number": -1})
    assert es.exists(index=index, id=document_id)
    assert es.get(index=index, id=document_id)["_id"] == document_id
    es.delete(index=index, id=document_id, refresh=True)
    assert not es.exists(index=index, id=document_id)


def test_cat_speaks_text_and_json(es, index):
    assert index in es.cat.indices(index=index, h="index,docs.count")
    assert es.cat.count(index=index, format="json")[0]["count"] == str(ROWS)


def test_errors_of_the_cluster_arrive_as_they_are(es):
    with pytest.raises(NotFoundError) as missing:
        es.search(index="no-such-index")
    assert missing.value.body["error"]["index"] == "no-such-index"
    with pytest.raises(RequestError) as malformed:
        es.options(headers={"accept": "application/json"}).perform_request(
            "POST", "/_search", headers={"content-type": "application/json"}, body={"quarry": {}}
        )
    assert malformed.value.body["error"]["type"] == "parsing_exception"


def test_compressed_both_ways(lanewatch, index):
    with Elasticsearch(lanewatch, http_compress=True) as compressing:
        found = compressing.search(index=index, query={"match_all": {}}, size=1000)
    assert len(found["hits"]["hits"]) == 1000


@pytest.mark.scenario(11)
def test_the_proxy_and_the_cluster_answer_alike(client, cluster_client, index):
    requests = [
        ("GET", f"/{index}/_search?size=2&sort=number", {}),
        ("GET", f"/{index}", {}),
        ("HEAD", f"/{index}", {}),
        ("HEAD", "/no-such-index", {}),
        ("OPTIONS", f"/{index}/_search", {}),
        ("GET", "//x", {}),
        ("GET", "/a/../b", {}),
        ("GET", "/%2e%2e/x", {}),
        ("GET", "/_cluster%2Fhealth", {}),
        ("GET", "/%5fcluster/health", {}),
        ("GET", "/%zz", {}),
        ("GET", "/_cluster/health?bogus=1", {}),
        ("PATCH", f"/{index}", {}),
        ("GET", f"/{index}/_count", {"Accept": "application/vnd.elasticsearch+json; compatible-with=8"}),
        ("GET", f"/{index}/_count", {"Accept": "application/vnd.elasticsearch+json; compatible-with=99"}),
        ("GET", f"/{index}/_count", {"Accept": "application/yaml", "X-Opaque-Id": "me"}),
        ("GET", f"/{index}/_count", {"Accept-Encoding": "gzip"}),
        ("GET", f"/{index}/_count", {"X-Big": "b" * 17_000}),
    ]
    for method, path, headers in requests:
        direct = cluster_client.request(method, path, headers=headers)
        through = client.request(method, path, headers=headers)
        assert through.status == direct.status, (method, path)
        assert _told(through) == _told(direct), (method, path)
        assert _untimed(through) == _untimed(direct), (method, path)


def test_repeated_warnings_arrive_apart(client, cluster_client):
    gone = {"index.max_adjacency_matrix_filters": 3, "index.mapper.dynamic": True}
    direct = cluster_client.put("/never-made", json_body={"settings": gone})
    through = client.put("/never-made", json_body={"settings": gone})
    assert len(direct.headers.get_all("Warning")) == 2
    assert through.headers.get_all("Warning") == direct.headers.get_all("Warning")


@pytest.mark.scenario(12)
def test_a_body_that_the_cluster_finds_too_large_is_413_before_it_is_sent(lanewatch):
    """Announced, not sent: the cluster answers at once, and the connection ends."""
    connection = http.client.HTTPConnection(urlsplit(lanewatch).netloc, timeout=10)
    connection.putrequest("POST", "/_bulk")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Content-Length", str(200 * 2**20))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert answer.getheader("Connection") == "close"
    connection.close()


def test_a_large_compressed_bulk_is_indexed(client, es, index):
    """Chunked, as a client sends that does not know the length beforehand."""
    rows = "".join(f'{{"index":{{}}}}\n{{"number":-5,"parity":"{"x" * 200}"}}\n' for _ in range(20_000)).encode()
    packed = gzip.compress(rows, 1)
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=60)
    pieces = (packed[start : start + 10_000] for start in range(0, len(packed), 10_000))
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    connection.request("POST", f"/{index}/_bulk?refresh=true", pieces, headers, encode_chunked=True)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert (answer.status, body["errors"], len(body["items"])) == (200, False, 20_000)
    assert es.count(index=index, query={"term": {"number": -5}})["count"] == 20_000


def _told(answer) -> list[tuple[str, str]]:
    """The headers that say something of the answer itself, in order."""
    ignored = {"connection", "content-length", "transfer-encoding"}
    return [(name.lower(), value) for name, value in answer.headers.items() if name.lower() not in ignored]


def _untimed(answer) -> bytes:
    """The body without how long it took, which no two answers share."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return answer.body if answer.headers.get("Content-Encoding") is None else gzip.decompress(answer.body)
    if isinstance(body, dict):
        body.pop("took", None)
    return json.dumps(body).encode()
