"""Rows and jobs for the engine's tests: seeded, small, over every function."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
from hypothesis import settings

from proxy.engine import Batch, Column, JobEngine, Results
from proxy.job_config.engine_spec import spec_from

HOUR, DAY = 3600, 86400
START = 1_700_006_400  # a midnight, UTC


def examples(few, many):
    """How many examples a property is tried with: `many` where `make test-random` looks for new ones."""
    return many if settings.get_current_profile_name() == "random" else few


def config(*detectors, span="1h", influencers=(), **analysis):
    """A job document."""
    top = {k: analysis.pop(k) for k in ("model_plot_config", "analysis_limits") if k in analysis}
    return {
        "analysis_config": {
            "bucket_span": span,
            "detectors": list(detectors),
            "influencers": list(influencers),
            **analysis,
        },
        **top,
    }


def engine(*detectors, **options):
    """A fresh engine for these detectors."""
    return JobEngine(spec_from(config(*detectors, **options)))


def column(values):
    """A text column; None = missing."""
    known = sorted({v for v in values if v is not None})
    place = {v: i for i, v in enumerate(known)}
    return Column(np.array([-1 if v is None else place[v] for v in values], np.int32), known)


def batch(time, text=None, numbers=None):
    """A batch from plain lists."""
    return Batch(
        np.asarray(time, np.int64),
        {f: column(v) for f, v in (text or {}).items()},
        {f: np.asarray(v, np.float64) for f, v in (numbers or {}).items()},
    )


def part(whole, rows):
    """Some rows of a batch."""
    return Batch(
        whole.time[rows],
        {f: Column(c.codes[rows], c.values) for f, c in whole.text.items()},
        {f: v[rows] for f, v in whole.numbers.items()},
    )


def run(job, whole, cuts=()):
    """Everything a job says about a batch fed in these pieces, the last bucket included."""
    results = Results()
    edges = [0, *cuts, len(whole.time)]
    for a, b in pairwise(edges):
        results.extend(job.add(part(whole, slice(a, b))))
    results.extend(job.flush(advance_to=int(whole.time.max()) + job.spec.latency + job.spec.bucket_span))
    return results


def forecast_documents(job, duration):
    """All of a forecast at once."""
    return [document for part in job.forecast(duration).documents() for document in part]


def dump(results):
    """Results as comparable text."""
    rescored = [(r.kind, r.identity, r.score) for r in results.rescored]
    return json.dumps(
        [results.buckets, results.records, results.influencers, results.model_plots, results.annotations, rescored],
        sort_keys=True,
    )


def hourly(values, field="value", start=START, **text):
    """One record an hour."""
    size = len(values)
    return batch(start + HOUR * np.arange(size), {f: [v] * size for f, v in text.items()}, {field: values})


ALL_FUNCTIONS = [
    *(
        {"function": f}
        for f in ("count", "high_count", "low_count", "non_zero_count", "high_non_zero_count", "low_non_zero_count")
    ),
    *(
        {"function": f, "field_name": "user"}
        for f in (
            "distinct_count",
            "high_distinct_count",
            "low_distinct_count",
            "info_content",
            "high_info_content",
            "low_info_content",
        )
    ),
    *(
        {"function": f, "field_name": "value", "by_field_name": "host"}
        for f in (
            "mean",
            "high_mean",
            "low_mean",
            "avg",
            "high_avg",
            "low_avg",
            "median",
            "high_median",
            "low_median",
            "varp",
            "high_varp",
            "low_varp",
            "min",
            "max",
            "metric",
            "sum",
            "high_sum",
            "low_sum",
            "non_null_sum",
            "high_non_null_sum",
            "low_non_null_sum",
        )
    ),
    {"function": "rare", "by_field_name": "user"},
    {"function": "freq_rare", "by_field_name": "host", "over_field_name": "user"},
    {"function": "time_of_day", "by_field_name": "host"},
    {"function": "time_of_week", "partition_field_name": "host"},
    {"function": "lat_long", "field_name": "place", "by_field_name": "host"},
]
OPTIONS = [
    {"function": "mean", "field_name": "value", "over_field_name": "user"},
    {"function": "count", "over_field_name": "user", "by_field_name": "host", "exclude_frequent": "all"},
    {"function": "rare", "by_field_name": "host", "over_field_name": "user", "partition_field_name": "host"},
    {"function": "lat_long", "field_name": "place", "over_field_name": "user"},
    {"function": "sum", "field_name": "value", "by_field_name": "host", "use_null": True},
    {
        "function": "count",
        "by_field_name": "host",
        "custom_rules": [
            {
                "actions": ["skip_result", "skip_model_update"],
                "conditions": [{"applies_to": "actual", "operator": "gt", "value": 9}],
            }
        ],
    },
]


def busy_rows(size=1200, days=6, seed=5):
    """Rows with every kind of field, gaps and disorder."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(START, START + days * DAY, size)) + rng.integers(-1200, 1200, size)
    value = rng.normal(20, 3, size)
    value[rng.random(size) < 0.05] = np.nan

    def choice(values, missing=0.05):
        picked = [values[i] for i in rng.integers(0, len(values), size)]
        return [None if rng.random() < missing else v for v in picked]

    return batch(
        time,
        {
            "user": choice([f"u{i}" for i in range(12)]),
            "host": choice(["a", "b", "c"]),
            "place": choice([*(f"{50 + i / 10},{8 + i * i % 11 / 9:.2f}" for i in range(20)), "no place"]),
            "message": choice(["disk read failed", "disk write failed", "user logged in from here"], 0.0),
        },
        {"value": value, "weight": rng.integers(0, 4, size)},
    )
