"""A script as users have it, with the official client: only the URL is ours."""

from __future__ import annotations

import math

import pytest
from elasticsearch import ApiError, BadRequestError, ConflictError, Elasticsearch, ElasticsearchWarning, NotFoundError

HOUR_MS = 3_600_000
START_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
SPIKE = 400
JOBS = ("shop-orders", "shop-latency")

pytestmark = pytest.mark.filterwarnings("ignore::elasticsearch.ElasticsearchWarning")


def orders(hours: range) -> list[dict[str, object]]:
    """A daily rhythm of three shops, and one hour in which the shop in Rome goes wild."""
    rows = []
    for hour in hours:
        level = 100 + 60 * math.sin(hour / 24 * 2 * math.pi)
        for shop in ("rome", "oslo", "bern"):
            for part in range(4):
                wild = 12 if hour == SPIKE and shop == "rome" else 1
                noise = (hour * 31 + part * 17 + len(shop)) % 11
                rows.append(
                    {"time": START_MS + hour * HOUR_MS + part * 900_000, "shop": shop, "took": level * wild + noise}
                )
    return rows


@pytest.fixture(scope="module")
def finished(es: Elasticsearch) -> Elasticsearch:
    """Both jobs, run over five weeks with flushes on the way, and closed."""
    for job_id, function in zip(JOBS, ("high_sum", "mean"), strict=True):
        es.options(ignore_status=404).ml.delete_job(job_id=job_id, force=True)
        es.ml.put_job(
            job_id=job_id,
            groups=["shop"],
            analysis_config={
                "bucket_span": "1h",
                "detectors": [{"function": function, "field_name": "took", "partition_field_name": "shop"}],
                "influencers": ["shop"],
            },
            data_description={"time_field": "time", "time_format": "epoch_ms"},
        )
        assert es.ml.open_job(job_id=job_id)["opened"] is True
        for first in range(0, 840, 168):
            counts = es.ml.post_data(job_id=job_id, data=orders(range(first, first + 168)))
            assert counts["processed_record_count"] == 168 * 12
            flushed = es.ml.flush_job(job_id=job_id, calc_interim=True)
            assert flushed["last_finalized_bucket_end"] == START_MS + (first + 167) * HOUR_MS
        assert es.ml.close_job(job_id=job_id)["closed"] is True
    yield es
    for job_id in JOBS:
        es.ml.delete_job(job_id=job_id)


def test_the_wild_hour_is_the_worst_overall_bucket(finished: Elasticsearch) -> None:
    answer = finished.ml.get_overall_buckets(job_id="shop", top_n=2, overall_score=50)
    worst = max(answer["overall_buckets"], key=lambda bucket: bucket["overall_score"])
    assert worst["timestamp"] == START_MS + SPIKE * HOUR_MS
    assert [job["job_id"] for job in worst["jobs"]] == sorted(JOBS)
    assert answer["count"] == len(answer["overall_buckets"])


def test_its_record_says_who_and_how_much(finished: Elasticsearch) -> None:
    records = finished.ml.get_records(job_id="shop-latency", record_score=75)["records"]
    worst = records[0]
    assert worst["timestamp"] == START_MS + SPIKE * HOUR_MS
    assert (worst["partition_field_value"], worst["function_description"]) == ("rome", "mean")
    assert worst["actual"][0] > 5 * worst["typical"][0] > 0
    assert worst["shop"] == ["rome"]
    assert worst["influencers"][0] == {"influencer_field_name": "shop", "influencer_field_values": ["rome"]}


def test_its_influencer_is_the_shop(finished: Elasticsearch) -> None:
    top = finished.ml.get_influencers(job_id="shop-orders", page={"size": 1})["influencers"][0]
    assert (top["influencer_field_name"], top["influencer_field_value"]) == ("shop", "rome")


def test_every_hour_has_one_bucket(finished: Elasticsearch) -> None:
    answer = finished.ml.get_buckets(job_id="shop-orders", page={"from": 0, "size": 1000})
    times = [bucket["timestamp"] for bucket in answer["buckets"]]
    assert times[:-1] == [START_MS + hour * HOUR_MS for hour in range(len(times) - 1)]
    assert {bucket["event_count"] for bucket in answer["buckets"]} == {12}


def test_statistics_count_what_was_posted(finished: Elasticsearch) -> None:
    stats = finished.ml.get_job_stats(job_id="shop-*")
    assert stats["count"] == 2
    for job in stats["jobs"]:
        assert job["state"] == "closed"
        assert job["data_counts"]["processed_record_count"] == 840 * 12


def test_posting_warns_that_it_is_deprecated(es: Elasticsearch) -> None:
    es.options(ignore_status=404).ml.delete_job(job_id="warned", force=True)
    detectors = [{"function": "count"}]
    es.ml.put_job(job_id="warned", analysis_config={"detectors": detectors}, data_description={})
    es.ml.open_job(job_id="warned")
    with pytest.warns(ElasticsearchWarning, match="Posting data directly to anomaly detection jobs is deprecated"):
        es.ml.post_data(job_id="warned", data=[{"time": START_MS}])
    es.ml.delete_job(job_id="warned", force=True)


@pytest.mark.parametrize(
    ("call", "kind", "reason"),
    [
        (lambda es: es.ml.get_jobs(job_id="nope"), NotFoundError, "No known job with id 'nope'"),
        (lambda es: es.ml.open_job(job_id="nope"), NotFoundError, "No known job with id 'nope'"),
        (
            lambda es: es.ml.flush_job(job_id="nope"),
            ConflictError,
            "Cannot perform requested action because job [nope] is not open",
        ),
        (
            lambda es: es.ml.get_overall_buckets(job_id="*", top_n=0),
            BadRequestError,
            "[topN] parameter must be positive, found [0]",
        ),
    ],
)
def test_errors_arrive_as_the_clients_own(es: Elasticsearch, call, kind: type[ApiError], reason: str) -> None:
    with pytest.raises(kind) as caught:
        call(es)
    chain, error = [], caught.value.body["error"]
    while error:
        chain.append(error["reason"])
        error = error.get("caused_by")
    assert reason in chain


def test_a_datafeed_from_put_to_stop(es: Elasticsearch) -> None:
    es.options(ignore_status=404).indices.delete(index="shop-visits")
    es.indices.create(index="shop-visits", mappings={"properties": {"seen": {"type": "date"}}})
    es.index(index="shop-visits", document={"seen": START_MS, "took": 5}, refresh=True)
    es.options(ignore_status=404).ml.delete_job(job_id="shop-visits", force=True)
    es.ml.put_job(
        job_id="shop-visits",
        analysis_config={"bucket_span": "1h", "detectors": [{"function": "mean", "field_name": "took"}]},
        data_description={"time_field": "seen"},
    )
    made = es.ml.put_datafeed(datafeed_id="feed-visits", job_id="shop-visits", indices=["shop-visits"], frequency="1s")
    assert (made["datafeed_id"], made["indices"]) == ("feed-visits", ["shop-visits"])
    assert list(es.ml.preview_datafeed(datafeed_id="feed-visits")) == [{"seen": START_MS, "took": 5}]
    es.ml.open_job(job_id="shop-visits")
    assert es.ml.start_datafeed(datafeed_id="feed-visits", start=START_MS - HOUR_MS)["started"] is True
    assert es.ml.get_datafeed_stats(datafeed_id="feed-visits")["datafeeds"][0]["state"] == "started"
    assert es.ml.stop_datafeed(datafeed_id="feed-visits")["stopped"] is True
    (stats,) = es.ml.get_datafeed_stats(datafeed_id="feed-visits")["datafeeds"]
    assert (stats["state"], stats["timing_stats"]["job_id"]) == ("stopped", "shop-visits")
    assert es.ml.update_datafeed(datafeed_id="feed-visits", scroll_size=10)["scroll_size"] == 10
    assert es.ml.get_datafeeds(datafeed_id="feed-*")["count"] == 1
    assert es.ml.delete_datafeed(datafeed_id="feed-visits")["acknowledged"] is True
    es.ml.delete_job(job_id="shop-visits", force=True)
    es.indices.delete(index="shop-visits")
