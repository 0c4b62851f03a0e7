"""Random jobs, buckets and options for overall buckets, as hypothesis strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.store.overall.naive import Bucket, Row

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SPANS_MIN = (5, 15, 17, 60, 90)
# Days on which clocks change somewhere, a leap day, and the epoch itself: none of them may matter.
ORIGINS = (1_459_036_800_000, 1_456_617_600_000, 1_477_785_600_000, 0, -3 * DAY)
SCORES = st.one_of(st.just(0.0), st.just(0.0), st.integers(1, 100).map(float), st.floats(1e-3, 100))

Case = tuple[dict[str, int], list[Bucket], dict[str, Any]]


@st.composite
def cases_of(draw: st.DrawFn, spans: dict[str, int]) -> Case:
    """Jobs with whole runs, gaps, doubled, misplaced and interim buckets, and every option."""
    origin = draw(st.sampled_from(ORIGINS))
    documents: list[Bucket] = []
    for job, span in spans.items():
        start = origin // span * span + draw(st.integers(-5, 20)) * span
        for number in range(draw(st.integers(0, 30))):
            kind = draw(st.sampled_from(["there"] * 8 + ["gap", "double", "astray"]))
            if kind == "gap":
                continue
            timestamp = start + number * span + (draw(st.integers(1, span - 1)) if kind == "astray" else 0)
            bucket = Bucket(job, timestamp, draw(SCORES), draw(st.sampled_from([False] * 9 + [True])))
            documents += [bucket, Bucket(job, timestamp, draw(SCORES))] if kind == "double" else [bucket]
    return spans, documents, draw(_options(origin, max(spans.values())))


@st.composite
def _options(draw: st.DrawFn, origin: int, width: int) -> dict[str, Any]:
    return {
        "top_n": draw(st.sampled_from([1, 2, 3, 333])),
        "bucket_span": draw(st.one_of(st.none(), st.integers(0, 5).map(lambda n: width + n * 7 * MINUTE))),
        "overall_score": draw(st.sampled_from([0.0, 0.0, 0.5, 20.0, 50.0, 99.0])),
        "exclude_interim": draw(st.booleans()),
        "start": draw(st.one_of(st.none(), st.integers(origin - 2 * HOUR, origin + 20 * HOUR))),
        "end": draw(st.one_of(st.none(), st.integers(origin, origin + 30 * HOUR))),
    }


def rounded(rows: list[Row]) -> list[Row]:
    """Sums of doubles depend on their order in the last digits."""
    return [Row(row.timestamp, row.span_s, round(row.score, 9), row.jobs, row.is_interim) for row in rows]
