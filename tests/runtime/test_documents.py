"""What the engine finds is stored in the very bytes that the API answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from proxy.engine import Batch, Column, JobEngine, Results
from proxy.job_config.engine_spec import spec_from
from proxy.runtime.documents import index_lines, result_documents
from proxy.store.results.pages import BUCKETS, INFLUENCERS, RECORDS

SPAN_S = 900
BUCKETS_OF_DATA = 120
NOW_MS = 1_800_000_000_000
DETECTORS: dict[str, dict[str, Any]] = {
    "single series": {"function": "mean", "field_name": "took"},
    "series by partition": {"function": "max", "field_name": "took", "partition_field_name": "host"},
    "population": {"function": "sum", "field_name": "took", "over_field_name": "user"},
    "split population": {
        "function": "mean",
        "field_name": "took",
        "over_field_name": "user",
        "partition_field_name": "host",
    },
    "rare": {"function": "rare", "by_field_name": "path"},
    "places": {"function": "lat_long", "field_name": "place", "by_field_name": "user"},
}


def found(detector: dict[str, Any]) -> Results:
    """Hours of quiet data of two hosts and four users, and one wild bucket at the end."""
    spec = spec_from(
        {
            "analysis_config": {"bucket_span": "15m", "detectors": [detector], "influencers": ["host", "user"]},
            "data_description": {"time_field": "time"},
        }
    )
    random = np.random.default_rng(3)
    rows = BUCKETS_OF_DATA * 40
    time = np.arange(rows) // 40 * SPAN_S + 1_700_000_100
    wild = (time >= time[-1]) & (np.arange(rows) % 4 == 1)
    took = random.normal(100.0, 5.0, rows) + np.where(wild, 5000.0, 0.0)
    text = {
        "host": Column((np.arange(rows) % 2).astype(np.int32), ["a", 'b"ü']),
        "user": Column((np.arange(rows) % 4).astype(np.int32), ["ann", "bob", "cy", "dan"]),
        "path": Column(np.where(wild, 1, 0).astype(np.int32), ["/", "/odd"]),
        "place": Column(np.where(wild, 1, 0).astype(np.int32), ["41.4,-71.3", "10.5,100.25"]),
    }
    engine = JobEngine(spec)
    numbers = dict.fromkeys(spec.number_fields, took)
    results = engine.add(Batch(time, {name: text[name] for name in spec.text_fields}, numbers))
    results.extend(engine.flush(calc_interim=True))
    for bucket in results.buckets:
        bucket["processing_time_ms"] = 3
    return results


@pytest.mark.parametrize("name", list(DETECTORS))
def test_results_of_every_kind_are_stored_as_they_are_answered(name: str) -> None:
    documents = list(result_documents("j", found(DETECTORS[name]), NOW_MS))
    sources = [line.split(b"\n")[1] for line in index_lines("i", iter(documents))]
    for kind, pages in (("bucket", BUCKETS), ("record", RECORDS), ("influencer", INFLUENCERS)):
        of_kind = [at for at, (_, document) in enumerate(documents) if document["result_type"] == kind]
        assert of_kind
        for at in of_kind:
            assert len(pages.seal.cut(b'{"_source":%b}' % sources[at])[1]) == 1
            assert orjson.loads(sources[at]) == documents[at][1]
    for _, document in documents:
        assert document["event"] == {"ingested": NOW_MS}, "bucket influencers too"


def test_results_that_are_read_one_by_one_are_stored_plainly() -> None:
    plot = {"timestamp": 0, "bucket_span": 900, "detector_index": 0, "model_lower": 1.0}
    [line] = index_lines("i", result_documents("j", Results(model_plots=[plot]), NOW_MS))
    assert line.endswith(b'{"job_id":"j","result_type":"model_plot",' + orjson.dumps(plot)[1:] + b"\n")
