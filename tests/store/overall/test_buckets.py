"""Overall buckets read from a real cluster agree with their definition, whatever the cluster and its limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy.config import Config
from proxy.errors import MlError, unavailable
from proxy.store.client import ClusterClient
from proxy.store.names import Names
from proxy.store.overall import queries, reader, slices, walk
from proxy.store.overall.buckets import overall_buckets
from proxy.store.overall.reduce import OverallBuckets
from proxy.store.overall.request import OverallRequest
from proxy.store.results.read import Results
from tests.http_client import HttpClient
from tests.store.overall import naive
from tests.store.overall.cases import DAY, HOUR, MINUTE, SPANS_MIN, Case, cases_of, rounded
from tests.store.overall.naive import Bucket, Row

INDEX = ".ml-anomalies-custom-twin"
JOBS = ("twin-a", "twin-b", "twin-c", "twin-d")


class TwinIndex:
    """An index of our own, filled anew for each case, whose jobs exist only as aliases."""

    def __init__(self, cluster: HttpClient) -> None:
        self._cluster = cluster
        mapping = {
            "properties": {
                "job_id": {"type": "keyword"},
                "result_type": {"type": "keyword"},
                "timestamp": {"type": "date"},
                "anomaly_score": {"type": "double"},
                "is_interim": {"type": "boolean"},
            }
        }
        cluster.delete(f"/{INDEX}")
        body = {"settings": {"hidden": True, "number_of_shards": 1, "number_of_replicas": 0}, "mappings": mapping}
        assert cluster.put(f"/{INDEX}", json_body=body).status == 200
        actions = [
            {
                "add": {
                    "index": INDEX,
                    "alias": f".ml-anomalies-{job}",
                    "filter": {"term": {"job_id": job}},
                    "is_hidden": True,
                }
            }
            for job in JOBS
        ]
        assert cluster.post("/_aliases", json_body={"actions": actions}).status == 200
        self._count = 0

    def fill(self, documents: list[Bucket]) -> None:
        lines: list[object] = [{"delete": {"_id": str(number)}} for number in range(self._count)]
        for number, document in enumerate(documents):
            lines.append({"index": {"_id": str(number)}})
            source = {"job_id": document.job_id, "result_type": "bucket", "timestamp": document.timestamp}
            if document.score:
                source["anomaly_score"] = document.score
            if document.is_interim:
                source["is_interim"] = True
            lines.append(source)
        self._count = len(documents)
        if lines:
            answer = self._cluster.post(f"/{INDEX}/_bulk?refresh=true", ndjson=lines)
            assert answer.status == 200, answer.text

    def drop(self) -> None:
        self._cluster.delete(f"/{INDEX}")


@pytest.fixture(scope="module")
def index(cluster_client: HttpClient) -> Iterator[TwinIndex]:
    made = TwinIndex(cluster_client)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def read(config: Config) -> Iterator[object]:
    """Runs a request through the product, on a loop and a client of this module's own."""
    with asyncio.Runner() as runner:
        client = ClusterClient(config.elasticsearch)
        results = Results(client, Names(config.indices))
        yield lambda request: runner.run(results.overall_buckets(request))
        runner.run(client.close())


def request_of(spans: dict[str, int], options: dict) -> OverallRequest:
    jobs = tuple(sorted(spans))
    width, wider = max(spans.values()), None
    if options["bucket_span"] is not None:
        if options["top_n"] == 1 or len(spans) == 1:
            width = options["bucket_span"]
        elif options["bucket_span"] != width:
            wider = options["bucket_span"]
    start, end = options["start"], options["end"]
    return OverallRequest(
        job_ids=jobs,
        spans_ms=tuple(spans[job] for job in jobs),
        interval_ms=width,
        merge_ms=wider,
        top_n=options["top_n"],
        minimum_score=options["overall_score"],
        exclude_interim=options["exclude_interim"],
        start_ms=None if start is None else -(-start // width) * width,
        end_ms=None if end is None else end // width * width,
    )


def rows_of(found: OverallBuckets, request: OverallRequest) -> list[Row]:
    span_s = (request.merge_ms or request.interval_ms) // 1000
    rows = []
    for position in range(len(found)):
        scores = found.job_scores[position].tolist()
        jobs = tuple((job, score) for job, score in zip(request.job_ids, scores, strict=True) if score == score)
        rows.append(
            Row(
                int(found.timestamps_ms[position]),
                span_s,
                round(float(found.scores[position]), 9),
                jobs,
                bool(found.is_interim[position]),
            )
        )
    return rows


@st.composite
def cases(draw: st.DrawFn) -> Case:
    spans = {job: draw(st.sampled_from(SPANS_MIN)) * MINUTE for job in JOBS[: draw(st.integers(1, 4))]}
    return draw(cases_of(spans))


async def too_many_candidates(self: reader.Reader, cut: float) -> None:
    """As if the whole range held more than one answer can."""


# How the walk may go: as shipped; sparse from the first cell; pruned whenever possible, in tiny windows and slices.
WAYS = {
    "as shipped": [],
    "sparse": [(walk, "FEW_CELLS", 0)],
    "pruned": [(walk, "FEW_CELLS", 0), (walk, "_PRUNING_GAIN", 0)],
    "tiny": [
        (walk, "FEW_CELLS", 0),
        (walk, "_PRUNING_GAIN", 0),
        (walk, "CELLS_PER_ANSWER", 5),
        (reader, "CELLS_PER_ANSWER", 5),
        (walk, "INTERVALS_PER_WINDOW", 1000),
        (walk, "CELLS_PER_RANGE", 0),
        (slices, "RANGES_PER_QUERY", 2),
        (reader.Reader, "all_candidates", too_many_candidates),
    ],
    "block by block": [(walk, "FEW_CELLS", 0), (walk, "_GRID_CELLS_PER_BLOCK", 3)],
    "as hits": [
        (walk, "FEW_CELLS", 0),
        (reader, "MOST_BUCKETS_PER_CELL", 1e9),
        (queries, "HITS_PER_ANSWER", 7),
    ],
    "across holes": [(walk, "FEW_CELLS", 0), (walk, "CELLS_PER_RANGE", 1e9)],
}
WORKED = (
    {"twin-a": 60 * MINUTE, "twin-b": 30 * MINUTE, "twin-c": 17 * MINUTE},
    [
        Bucket("twin-a", 1_464_739_200_000, 20.0),
        Bucket("twin-b", 1_464_739_200_000, 10.0),
        Bucket("twin-b", 1_464_739_200_000 + 30 * MINUTE, 40.0),
        Bucket("twin-c", 1_464_739_200_000, 1.0),
        Bucket("twin-c", 1_464_739_200_000 + 17 * MINUTE, 0.0),
        Bucket("twin-c", 1_464_739_200_000 + 34 * MINUTE, 60.0, True),
    ],
    {"top_n": 2, "bucket_span": None, "overall_score": 0.0, "exclude_interim": False, "start": None, "end": None},
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=cases(), way=st.sampled_from(list(WAYS)))
@example(case=WORKED, way="as shipped")
@example(case=WORKED, way="sparse")
def test_any_jobs_agree_with_the_definition(case: Case, way: str, index: TwinIndex, read: object) -> None:
    spans, documents, options = case
    index.fill(documents)
    request = request_of(spans, options)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in WAYS[way]:
            patch.setattr(module, name, value)
        found = rows_of(read(request), request)
    assert found == rounded(naive.overall_buckets(spans, documents, **options))


def test_the_worked_example_has_its_published_scores(index: TwinIndex, read: object) -> None:
    spans, documents, options = WORKED
    index.fill(documents)
    for top_n, expected in ((1, 60.0), (2, 50.0), (3, 40.0), (333, 40.0)):
        found = read(request_of(spans, {**options, "top_n": top_n}))
        assert found.scores.tolist() == [expected]
        assert found.is_interim.tolist() == [True]
    final = read(request_of(spans, {**options, "top_n": 1, "exclude_interim": True}))
    assert final.scores.tolist() == [40.0]


def test_gaps_longer_than_a_chunk_are_not_reported(index: TwinIndex, read: object) -> None:
    documents = [Bucket("twin-a", number * MINUTE, 0.0) for number in (0, 3, 2500, 2501, 5000)]
    index.fill(documents)
    options = {**WORKED[2], "top_n": 1}
    request = request_of({"twin-a": MINUTE}, options)
    found = rows_of(read(request), request)
    assert found == naive.overall_buckets({"twin-a": MINUTE}, documents, **options)
    assert [row.timestamp // MINUTE for row in found] == [0, 1, 2, 3, 2500, 2501, 5000]
    assert found[1].jobs == ()


@pytest.mark.parametrize("minimum", [0.0, 5.0])
@pytest.mark.parametrize("top_n", [1, 2])
def test_more_than_ten_thousand_results_are_refused(minimum: float, top_n: int, index: TwinIndex, read: object) -> None:
    documents = [Bucket(job, number * MINUTE, 7.0) for number in range(10_001) for job in JOBS[:2]]
    index.fill(documents)
    spans = dict.fromkeys(JOBS[:2], MINUTE)
    options = {**WORKED[2], "top_n": top_n, "overall_score": minimum}
    with pytest.raises(MlError) as refused:
        read(request_of(spans, options))
    assert refused.value.status == 400
    assert refused.value.reason == (
        "Unable to return more than [10000] results; please use parameters [start] and [end] to limit the time range"
    )
    found = read(request_of(spans, {**options, "end": 10_000 * MINUTE}))
    assert len(found) == 10_000
    wide = read(request_of(spans, {**options, "bucket_span": 24 * HOUR}))
    assert len(wide) == 7


def test_the_clusters_own_limit_on_buckets_only_makes_more_requests(
    index: TwinIndex, read: object, cluster_client: HttpClient
) -> None:
    documents = [Bucket(job, number * MINUTE, float(number % 7)) for number in range(200) for job in JOBS[:2]]
    index.fill(documents)
    spans = dict.fromkeys(JOBS[:2], MINUTE)
    options = {**WORKED[2], "overall_score": 3.0}
    limit = {"persistent": {"search.max_buckets": 50}}
    assert cluster_client.put("/_cluster/settings", json_body=limit).status == 200
    try:
        request = request_of(spans, options)
        found = rows_of(read(request), request)
    finally:
        cluster_client.put("/_cluster/settings", json_body={"persistent": {"search.max_buckets": None}})
    assert found == rounded(naive.overall_buckets(spans, documents, **options))


def test_an_index_that_returns_few_hits_is_read_all_the_same(
    index: TwinIndex, read: object, cluster_client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "FEW_CELLS", 0)
    documents = [Bucket("twin-a", number * MINUTE, 7.0 if number % 3 == 0 else 0.0) for number in range(20)]
    index.fill(documents)
    options = {**WORKED[2], "top_n": 1, "overall_score": 5.0}
    limit = {"index": {"max_result_window": 5}}
    assert cluster_client.put(f"/{INDEX}/_settings", json_body=limit).status == 200
    try:
        request = request_of({"twin-a": MINUTE}, options)
        found = rows_of(read(request), request)
    finally:
        cluster_client.put(f"/{INDEX}/_settings", json_body={"index": {"max_result_window": None}})
    assert found == naive.overall_buckets({"twin-a": MINUTE}, documents, **options)
    assert len(found) == 7


def test_documents_in_an_index_that_is_not_the_jobs_do_not_count(
    index: TwinIndex, read: object, cluster_client: HttpClient
) -> None:
    index.fill([Bucket("twin-a", 0, 10.0), Bucket("twin-b", 0, 20.0)])
    other = ".ml-anomalies-custom-stranger"
    cluster_client.delete(f"/{other}")
    mappings = json.loads(cluster_client.get(f"/{INDEX}/_mapping").body)[INDEX]["mappings"]
    body = {
        "settings": {"hidden": True, "number_of_replicas": 0},
        "mappings": mappings,
        "aliases": {".ml-anomalies-twin-b": {"filter": {"term": {"job_id": "twin-b"}}, "is_hidden": True}},
    }
    assert cluster_client.put(f"/{other}", json_body=body).status == 200
    try:
        for job, score in (("twin-a", 90.0), ("twin-b", 30.0)):
            source = {"job_id": job, "result_type": "bucket", "timestamp": 0, "anomaly_score": score}
            assert cluster_client.post(f"/{other}/_doc?refresh=true", json_body=source).status == 201
        found = read(request_of({"twin-a": MINUTE, "twin-b": MINUTE}, WORKED[2]))
    finally:
        cluster_client.delete(f"/{other}")
    assert found.job_scores.tolist() == [[10.0, 30.0]]


@pytest.mark.parametrize("minimum", [0.0, 5.0])
def test_years_without_data_are_passed_over(minimum: float, index: TwinIndex, read: object) -> None:
    documents = [
        Bucket("twin-a", number * 20 * 365 * DAY + part * MINUTE, 7.0) for number in (0, 1, 2) for part in (0, 1)
    ]
    index.fill(documents)
    options = {**WORKED[2], "overall_score": minimum}
    request = request_of({"twin-a": 15 * MINUTE}, options)
    assert rows_of(read(request), request) == naive.overall_buckets({"twin-a": 15 * MINUTE}, documents, **options)


@pytest.mark.parametrize("minimum", [0.0, 5.0])
def test_a_cluster_that_goes_away_is_reported_as_such(minimum: float) -> None:
    async def search(query: dict, filter_path: str, may_cache: bool) -> bytes:
        raise unavailable("gone")

    request = request_of({"twin-a": MINUTE}, {**WORKED[2], "overall_score": minimum})
    with pytest.raises(MlError) as failed:
        asyncio.run(overall_buckets(search, request))
    assert failed.value.status == 503


def test_a_cluster_that_goes_away_while_scores_are_read_is_reported_as_such() -> None:
    async def search(query: dict, filter_path: str, may_cache: bool) -> bytes:
        if "score.value" in filter_path:
            raise unavailable("gone")
        found = {"strong": {"times": {"buckets": [{"key": 0}]}}, "first": {"value": 0.0}, "last": {"value": 0.0}}
        return json.dumps({"hits": {"total": {"value": 1}}, "aggregations": found}).encode()

    request = request_of({"twin-a": MINUTE}, {**WORKED[2], "overall_score": 5.0})
    with pytest.raises(MlError) as failed:
        asyncio.run(overall_buckets(search, request))
    assert failed.value.status == 503


def test_a_job_without_an_alias_has_no_data(read: object) -> None:
    assert len(read(request_of({"twin-nobody": MINUTE}, WORKED[2]))) == 0
