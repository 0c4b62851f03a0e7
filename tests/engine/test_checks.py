"""Checks that every function of every detector must stand, besides those of test_job.py (chunks, restarts, inputs)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from proxy.engine import Batch, Column, JobEngine
from proxy.engine.functions import PUBLIC_NAMES
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import (
    ALL_FUNCTIONS,
    DAY,
    HOUR,
    OPTIONS,
    START,
    batch,
    busy_rows,
    column,
    config,
    dump,
    engine,
    examples,
    part,
    run,
)

ALIASED = [
    *({"function": f} for f in ("nzc", "high_nzc", "low_nzc")),
    *({"function": f, "field_name": "user"} for f in ("dc", "high_dc", "low_dc")),
]
EVERYTHING = [*ALL_FUNCTIONS, *ALIASED, *OPTIONS]
ENTITY_FIELDS = ("by_field_name", "over_field_name", "partition_field_name")


def name(detector):
    return "-".join(str(v) for k, v in detector.items() if k not in ("custom_rules", "field_name"))


def test_every_public_function_is_checked():
    assert {detector["function"] for detector in EVERYTHING} == PUBLIC_NAMES


@pytest.mark.parametrize("detector", EVERYTHING, ids=name)
def test_row_by_row_says_the_same_as_all_at_once(detector):
    rows = busy_rows(size=120, days=1, seed=8)
    options = {"influencers": ["user"], "latency": "5m", "model_plot_config": {"enabled": True}}
    whole, single = (run(engine(detector, **options), rows, cuts) for cuts in ((), range(1, 120)))
    assert dump(single) == dump(whole)
    for counter in ("processed", "out_of_order", "missing_field_count", "bucket_count", "latest_record_ms"):
        assert getattr(single, counter) == getattr(whole, counter), counter
    assert whole.out_of_order > 0


def lacks_a_field(detector, rows):
    """Rows that this detector must pass over: an entity or a measure is missing or no number."""
    out = np.zeros(len(rows.time), bool)
    for field in (detector[f] for f in ENTITY_FIELDS if f in detector):
        out |= rows.text[field].codes < 0
    field = detector.get("field_name")
    if field in rows.numbers:
        out |= ~np.isfinite(rows.numbers[field])
    elif field is not None:
        out |= rows.text[field].codes < 0
    return out


@pytest.mark.parametrize(
    "detector",
    [d for d in EVERYTHING if len(d) > 1 and not d.get("use_null") and "custom_rules" not in d],
    ids=name,
)
def test_rows_that_lack_a_field_are_as_if_they_were_not_there(detector):
    rows = busy_rows(size=900, days=5, seed=9)
    rows = part(rows, np.argsort(rows.time, kind="stable"))
    rows.numbers["value"][5::50] = np.inf
    lacking = lacks_a_field(detector, rows)
    # The clock of the job runs on the rows as well: its ends stay.
    whole = part(rows, slice(*(int(i) for i in np.flatnonzero(~lacking)[[0, -1]])))
    lacking = lacks_a_field(detector, whole)
    assert lacking.any()
    options = {"span": "3h", "influencers": ["user", "host"], "model_plot_config": {"enabled": True}}
    said = [run(engine(detector, **options), given) for given in (whole, part(whole, ~lacking))]
    # Influencers are measured beside all values of the bucket's rows, whichever detector takes them.
    first, second = (json.dumps([r.records, r.model_plots, r.annotations]) for r in said)
    assert first == second


def a_day(size):
    """One day's rows, to be moved from day to day."""
    rng = np.random.default_rng(1)
    names = {"host": 3, "user": 12, "place": 3}
    text = {f: rng.integers(0, count, size).astype(np.int32) for f, count in names.items()}
    values = {"host": list("abc"), "user": [f"u{i}" for i in range(12)], "place": ["50.1,8.6", "50.2,8.7", "none"]}
    columns = {f: Column(codes, values[f]) for f, codes in text.items()}
    return Batch(np.sort(rng.integers(0, DAY, size)), columns, {"value": rng.normal(20, 3, size)})


@pytest.mark.parametrize("detector", EVERYTHING, ids=name)
def test_memory_stays_flat_over_many_rows(detector):
    day, days = a_day(examples(20_000, 100_000)), 10
    job = engine(detector, span="3h", influencers=["user"])
    sizes = []
    for number in range(days):
        job.add(Batch(START + number * DAY + day.time, day.text, day.numbers))
        sizes.append((job.model_size()["model_bytes"], len(job.state())))
    (early_model, early_state), (late_model, late_state) = sizes[4], sizes[-1]
    assert late_model <= 1.01 * early_model
    assert late_state <= 1.2 * early_state


@pytest.mark.parametrize("detector", EVERYTHING, ids=name)
def test_nothing_learnt_is_no_reason_to_fail(detector):
    spec = spec_from(config(detector, influencers=["user"]))
    job = JobEngine(spec)
    nothing = batch([], {f: [] for f in ("user", "host", "place")}, {"value": []})
    assert job.add(nothing).processed == 0
    assert job.flush(calc_interim=True).bucket_count == 0
    job = JobEngine(spec, job.state())
    lone = Batch(
        np.array([START]), {f: column(["x"]) for f in ("user", "host", "place")}, {"value": np.array([np.nan])}
    )
    results = run(job, lone)
    assert results.bucket_count == 1
    assert results.records == []
    assert job.flush(skip_to=START + 100 * HOUR).bucket_count == 0
