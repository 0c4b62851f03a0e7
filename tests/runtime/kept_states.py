"""Models as each released version saved them, kept in ``states``: a release must not lose what its users' jobs learnt.

``python -m tests.runtime.kept_states`` writes the one of the present version, which may be done as long as that is not
released; a version that is released keeps its file for ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import orjson

from proxy import __version__
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place.model import JobModel

STATES = Path(__file__).parent / "states"
START_S = 1_700_000_000 // 3600 * 3600
LEARNT_HOURS = 15 * 24
# Every kind of model, and of part that keeps a state of its own.
DETECTORS: list[dict[str, object]] = [
    {"function": "mean", "field_name": "took", "partition_field_name": "host"},
    {"function": "count", "over_field_name": "user"},
    {"function": "rare", "by_field_name": "status"},
    {"function": "count", "by_field_name": "mlcategory"},
    {"function": "time_of_day"},
    {"function": "lat_long", "field_name": "place"},
    {"function": "distinct_count", "field_name": "user"},
    {"function": "info_content", "field_name": "message"},
]
CONFIGURATION = {
    "job_id": "kept",
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [{**detector, "detector_index": index} for index, detector in enumerate(DETECTORS)],
        "influencers": ["host"],
        "categorization_field_name": "message",
    },
    "data_description": {"time_field": "time", "time_format": "epoch"},
}
INPUTS = JobInputs("kept", CONFIGURATION, {}, (), ".ml-anomalies-.write-kept", "annotations", "state")


def rows(first: int, last: int, *, wild: int = -1) -> bytes:
    """Records of some hours, with a wild one among them."""
    return b"\n".join(
        orjson.dumps(_row(hour, part, 3000 if hour == wild else 100))
        for hour in range(first, last)
        for part in range(6)
    )


def _row(hour: int, part: int, level: int) -> Mapping[str, object]:
    return {
        "time": START_S + hour * 3600 + part * 600,
        "host": "ab"[part % 2],
        "user": f"user {(hour + part) % 5}",
        "status": str(200 + part % 3),
        "took": level + 20 * math.sin(hour / 24 * 2 * math.pi) + (hour * 7 + part * 3) % 5,
        "message": ("connection closed by peer", "request served from the cache")[part % 2],
        "place": f"{52 + part % 3 / 100},{13 + hour % 3 / 100}",
    }


def learnt() -> JobModel:
    model = JobModel(INPUTS)
    add(model, rows(0, LEARNT_HOURS))
    return model


def add(model: JobModel, body: bytes) -> list[dict[str, object]]:
    """The documents that come of these records."""
    ingested, _ = model.read(body, None, "")
    lines = [line for outcome in model.analysing(ingested, 0) for line in outcome.lines]
    return [orjson.loads(source) for _, source in (line.split(b"\n")[:2] for line in lines) if source]


if __name__ == "__main__":
    STATES.mkdir(exist_ok=True)
    (STATES / f"{__version__}.model").write_bytes(learnt().packed(0, None))
