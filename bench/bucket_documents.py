"""Synthetic bucket documents, in bulk: the data set of the overall buckets bench.

Talks to the cluster directly, through nothing of the product, so that the bench measures the reading alone.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

START_MS = 1_577_836_800_000  # 2020-01-01, so that the ranges hold leap days and clock changes
DOCUMENTS_PER_BULK = 5_000
_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class DataSet:
    """Jobs with one bucket per span each, of which ``share_above_zero`` have a score."""

    index: str
    prefix: str
    jobs: int
    buckets: int
    share_above_zero: float
    span_s: int = 900
    seed: int = 1

    def job_ids(self) -> list[str]:
        return [f"{self.prefix}-{number:03d}" for number in range(self.jobs)]

    def end_ms(self) -> int:
        return START_MS + self.buckets * self.span_s * 1000

    def scores(self) -> np.ndarray:
        """Jobs x buckets. Most anomalies are weak: above zero the scores fall off exponentially, as real ones do."""
        random = np.random.default_rng(self.seed)
        scores = np.minimum(random.exponential(19.0, (self.jobs, self.buckets)), 100.0).round(6)
        scores[random.random(scores.shape) >= self.share_above_zero] = 0.0
        return scores


def request(address: tuple[str, int], method: str, path: str, body: object = None, raw: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection(*address, timeout=120)
    payload = raw if raw is not None else None if body is None else json.dumps(body).encode()
    connection.request(method, path, payload, _HEADERS if payload is not None else {})
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {answer[:500]!r}")
    return answer


def create_index(address: tuple[str, int], index: str) -> None:
    mapping = Path(__file__).parent.parent / "mappings" / "results.json"
    request(address, "PUT", f"/{index}", raw=mapping.read_bytes())


def load(address: tuple[str, int], data: DataSet) -> None:
    """Writes the documents and merges the index, so that repeated runs read the same segments."""
    connection = http.client.HTTPConnection(*address, timeout=120)
    for payload in _bulks(data):
        connection.request("POST", "/_bulk?filter_path=errors", payload, {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse().read()
        if b'"errors":false' not in answer:
            raise RuntimeError(f"bulk: {answer[:500]!r}")
    request(address, "POST", f"/{data.index}/_refresh")


def _bulks(data: DataSet) -> Iterator[bytes]:
    lines: list[str] = []
    span_ms = data.span_s * 1000
    scores = data.scores().T
    jobs = data.job_ids()
    for number in range(data.buckets):
        timestamp = START_MS + number * span_ms
        for job_id, score in zip(jobs, scores[number].tolist(), strict=True):
            lines.append(
                f'{{"index":{{"_index":"{data.index}","_id":"{job_id}_bucket_{timestamp}_{data.span_s}"}}}}\n'
                f'{{"job_id":"{job_id}","timestamp":{timestamp},"anomaly_score":{score},"bucket_span":{data.span_s},'
                f'"initial_anomaly_score":{score},"event_count":100,"is_interim":false,"bucket_influencers":[],'
                '"processing_time_ms":1,"result_type":"bucket"}\n'
            )
        if len(lines) >= DOCUMENTS_PER_BULK:
            yield "".join(lines).encode()
            lines = []
    if lines:
        yield "".join(lines).encode()
