"""Overall buckets once more, slowly: straight from their definition, in plain Python over every bucket document.

Shares no code with the product. Times are epoch milliseconds, spans are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 10_000
CHUNK = 1000


@dataclass(frozen=True)
class Bucket:
    job_id: str
    timestamp: int
    score: float
    is_interim: bool = False


@dataclass(frozen=True)
class Row:
    timestamp: int
    span_s: int
    score: float
    jobs: tuple[tuple[str, float], ...]
    is_interim: bool


class TooMany(Exception):
    pass


def overall_buckets(
    spans: dict[str, int],
    documents: Sequence[Bucket],
    *,
    top_n: int = 1,
    bucket_span: int | None = None,
    overall_score: float = 0.0,
    exclude_interim: bool = False,
    start: int | None = None,
    end: int | None = None,
) -> list[Row]:
    if not spans:
        return []
    width = max(spans.values())
    wider = None
    if bucket_span is not None:
        if top_n == 1 or len(spans) == 1:
            width = bucket_span
        elif bucket_span != width:
            wider = bucket_span
    first_allowed = None if start is None else -(-start // width) * width
    end_allowed = None if end is None else end // width * width

    wanted = []
    for document in documents:
        if document.job_id not in spans:
            continue
        if exclude_interim and document.is_interim:
            continue
        if first_allowed is not None and document.timestamp < first_allowed:
            continue
        if end_allowed is not None and document.timestamp >= end_allowed:
            continue
        wanted.append(document)
    if not wanted:
        return []

    lowest = min(document.timestamp for document in wanted)
    highest = max(document.timestamp for document in wanted)
    rows: list[Row] = []
    chunk_start = lowest // width * width
    while chunk_start <= highest:
        chunk_end = chunk_start + CHUNK * width
        inside = [document for document in wanted if chunk_start <= document.timestamp < chunk_end]
        rows += [row for row in _chunk(inside, width, top_n) if row.score >= overall_score]
        chunk_start = chunk_end
    if wider is not None:
        rows = _merged(rows, wider)
    if len(rows) > LIMIT:
        raise TooMany
    return rows


def _chunk(documents: Sequence[Bucket], width: int, top_n: int) -> list[Row]:
    if not documents:
        return []
    first = min(document.timestamp for document in documents) // width
    last = max(document.timestamp for document in documents) // width
    by_interval: dict[int, list[Bucket]] = {number: [] for number in range(first, last + 1)}
    for document in documents:
        by_interval[document.timestamp // width].append(document)
    rows = []
    for number in sorted(by_interval):
        best: dict[str, float] = {}
        for document in by_interval[number]:
            best[document.job_id] = max(best.get(document.job_id, document.score), document.score)
        highest = sorted(best.values(), reverse=True)[:top_n]
        score = sum(highest) / len(highest) if highest else 0.0
        is_interim = any(document.is_interim for document in by_interval[number])
        rows.append(Row(number * width, width // 1000, score, tuple(sorted(best.items())), is_interim))
    return rows


def _merged(rows: Sequence[Row], wider: int) -> list[Row]:
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.timestamp // wider * wider, []).append(row)
    merged = []
    for timestamp in sorted(groups):
        best: dict[str, float] = {}
        for row in groups[timestamp]:
            for job_id, score in row.jobs:
                best[job_id] = max(best.get(job_id, score), score)
        score = max(row.score for row in groups[timestamp])
        is_interim = any(row.is_interim for row in groups[timestamp])
        merged.append(Row(timestamp, wider // 1000, score, tuple(sorted(best.items())), is_interim))
    return merged
