"""A job goes on with what any released version has saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy import __version__
from proxy.runtime.place.model import JobModel
from tests.runtime.kept_states import INPUTS, LEARNT_HOURS, START_S, STATES, add, rows

KEPT = sorted(STATES.glob("*.model"))


def test_a_state_of_the_present_version_is_kept() -> None:
    """Made by `python -m tests.runtime.kept_states`."""
    assert __version__ in [path.stem for path in KEPT]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_job_goes_on_with_what_that_version_saved(path: Path) -> None:
    model = JobModel(INPUTS, path.read_bytes())
    counts = model.status().data_counts
    assert counts["processed_record_count"] == LEARNT_HOURS * 6
    wild = LEARNT_HOURS + 5
    documents = add(model, rows(LEARNT_HOURS, LEARNT_HOURS + 10, wild=wild))
    records = [each for each in documents if each.get("result_type") == "record" and each["record_score"] > 50]
    assert {each["timestamp"] for each in records if each["detector_index"] == 0} == {bucket_ms(wild)}
    assert model.status().data_counts["processed_record_count"] == (LEARNT_HOURS + 10) * 6


def bucket_ms(hour: int) -> int:
    return (START_S + hour * 3600) * 1000
