"""Made-up results for the page, written as the engine writes them, so that a test knows what must be on the screen.

Jobs are made by the API; their results are indexed straight into the results index.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.http_client import HttpClient

Document = dict[str, Any]
INDEX = ".ml-anomalies-shared"
HOUR_MS = 3_600_000
# March has a change of the clocks in New York (10) and in Europe (31).
START_MS = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000)
HOURS = 24 * 33
HOSTS = [f"web-{number}" for number in range(1, 9)]
REGIONS = ["eu", "us"]
# Values that markup, addresses, queries and screens are known to trip over.
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a:b",
    "",
    "\"quoted' \\ back",
    "漢字 🙂",
    "\u202eright to left",
    "${7*7} {{x}}",
    "x" * 10_000,
]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was written, for expectations."""

    job_id: str
    records: list[Document]
    influencers: list[Document] = field(default_factory=list)
    buckets: list[Document] = field(default_factory=list)
    plots: list[Document] = field(default_factory=list)

    @property
    def worst(self) -> Document:
        return max(self.records, key=lambda record: record["record_score"])

    def documents(self) -> Iterator[Document]:
        yield from self.buckets
        yield from self.influencers
        yield from self.records
        yield from self.plots


def job_config(partition: str = "host", influencers: list[str] | None = None, **more: Any) -> Document:
    return {
        "description": "made for a test",
        "groups": ["made-up"],
        "analysis_config": {
            "bucket_span": "1h",
            "detectors": [{"function": "mean", "field_name": "took", "partition_field_name": partition}],
            "influencers": ["host", "region"] if influencers is None else influencers,
        },
        "data_description": {"time_field": "time"},
        **more,
    }


def bucket(job_id: str, time_ms: int, score: float, **more: Any) -> Document:
    return {"job_id": job_id, "result_type": "bucket", "timestamp": time_ms, "bucket_span": 3600,
            "anomaly_score": score, "initial_anomaly_score": score, "event_count": 10, "is_interim": False,
            "processing_time_ms": 1, "bucket_influencers": [], **more}  # fmt: skip


def influencer(job_id: str, time_ms: int, name: str, value: str, score: float) -> Document:
    return {"job_id": job_id, "result_type": "influencer", "timestamp": time_ms, "bucket_span": 3600,
            "probability": 0.01, "influencer_field_name": name, "influencer_field_value": value,
            "influencer_score": score, "initial_influencer_score": score, "is_interim": False}  # fmt: skip


def record(job_id: str, time_ms: int, entity: tuple[str, str], score: float, **more: Any) -> Document:
    name, value = entity
    return {"job_id": job_id, "result_type": "record", "timestamp": time_ms, "bucket_span": 3600, "probability": 1e-6,
            "record_score": score, "initial_record_score": min(100.0, score + 12), "detector_index": 0,
            "is_interim": False, "function": "mean", "function_description": "mean", "field_name": "took",
            "partition_field_name": name, "partition_field_value": value, "actual": [98.0], "typical": [31.0],
            "multi_bucket_impact": -5.0,
            "influencers": [{"influencer_field_name": name, "influencer_field_values": [value]}], **more}  # fmt: skip


def plot(job_id: str, time_ms: int, entity: tuple[str, str], actual: float) -> Document:
    return {"job_id": job_id, "result_type": "model_plot", "timestamp": time_ms, "bucket_span": 3600,
            "detector_index": 0, "model_feature": "'mean value by person'", "partition_field_name": entity[0],
            "partition_field_value": entity[1], "actual": actual, "model_lower": 20.0, "model_upper": 40.0,
            "model_median": 30.0}  # fmt: skip


EXPLANATION = {
    "anomaly_type": "spike",
    "anomaly_length": 2,
    "single_bucket_impact": 5,
    "multi_bucket_impact": 12,
    "anomaly_characteristics_impact": 1,
    "high_variance_penalty": True,
    "incomplete_bucket_penalty": False,
}


def web_results(job_id: str = "web", seed: int = 7) -> Seeded:
    """A month of an hour a bucket: now and then one host is unusual, in cells that begin and end at any hour."""
    chance = random.Random(seed)
    made = Seeded(job_id, [])
    for number in range(HOURS):
        time_ms = START_MS + number * HOUR_MS
        score = 0.0
        if chance.random() < 0.12:
            host, region = chance.choice(HOSTS), chance.choice(REGIONS)
            score = round(chance.uniform(4, 99), 2)
            below = round(score * chance.uniform(0.5, 0.88), 2)
            both = [{"influencer_field_name": "host", "influencer_field_values": [host]},
                    {"influencer_field_name": "region", "influencer_field_values": [region]}]  # fmt: skip
            made.records.append(record(job_id, time_ms, ("host", host), below, influencers=both,
                                       anomaly_score_explanation=EXPLANATION))  # fmt: skip
            made.influencers.append(influencer(job_id, time_ms, "host", host, score))
            made.influencers.append(influencer(job_id, time_ms, "region", region, round(score * 0.8, 2)))
        made.buckets.append(bucket(job_id, time_ms, score))
    made.plots.extend(
        plot(job_id, START_MS + number * HOUR_MS, ("host", host), 30 + chance.gauss(0, 2))
        for host in HOSTS[:3]
        for number in range(HOURS)
    )
    return made


def hostile_results(job_id: str = "hostile") -> Seeded:
    made = Seeded(job_id, [])
    for number, value in enumerate(HOSTILE):
        time_ms = START_MS + number * HOUR_MS
        made.records.append(record(job_id, time_ms, ("dotted.field", value), 90.0 - number))
        made.influencers.append(influencer(job_id, time_ms, "dotted.field", value, 95.0 - number))
        made.buckets.append(bucket(job_id, time_ms, 96.0 - number))
    return made


def write(cluster_client: HttpClient, *results: Seeded) -> None:
    rows: list[Document] = []
    for made in results:
        for document in made.documents():
            rows += [{"index": {"_index": INDEX}}, document]
    for first in range(0, len(rows), 20_000):
        answer = cluster_client.post("/_bulk", ndjson=rows[first : first + 20_000])
        assert answer.status == 200 and not answer.json()["errors"], answer.text[:2000]
    assert cluster_client.post(f"/{INDEX}/_refresh").status == 200


def put_job(client: HttpClient, job_id: str, config: Document) -> None:
    answer = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=config)
    assert answer.status == 200, answer.text
