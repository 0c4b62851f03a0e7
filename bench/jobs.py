"""Runs a job as a user would: configuration and records in, result documents out."""

from __future__ import annotations

import numpy as np

from proxy.engine import Batch, JobEngine, Results
from proxy.engine.results import Document
from proxy.job_config.engine_spec import spec_from


def run(detector: dict[str, object], batch: Batch, span: int, *, plotted: bool = False, **analysis: object) -> Results:
    """All results of a job, its last bucket included; `span` in seconds, `batch` not empty."""
    config = {"bucket_span": f"{span}s", "detectors": [detector], "influencers": [], **analysis}
    engine = JobEngine(spec_from({"analysis_config": config, "model_plot_config": {"enabled": plotted}}))
    results = engine.add(batch)
    results.extend(engine.flush(advance_to=int(batch.time.max()) + span))
    return results


def number(document: Document, name: str) -> float:
    """A numeric field of a document, the first value where it is a list."""
    value = document[name]
    return float(np.asarray(value, np.float64).reshape(-1)[0])


def bucket_start(document: Document) -> int:
    """Epoch seconds of the document's bucket."""
    return int(number(document, "timestamp")) // 1000
