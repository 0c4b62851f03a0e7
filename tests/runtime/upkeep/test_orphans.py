"""Which state documents nobody leads to."""

from __future__ import annotations

import pytest

from proxy.runtime.upkeep.orphans import lost_models
from proxy.store.orphans import State, state_of
from proxy.store.results import ids as result_ids

NOW_MS = 1_750_000_000_000
DAY_S = 86_400


@pytest.mark.parametrize("job_id", ["plain", "a_model_state_of_things", "x_quantiles"])
def test_a_state_document_tells_its_job_and_snapshot(job_id):
    for number in (1, 12):
        state = state_of(result_ids.model_state(job_id, "1700000000", number))
        assert (state.job_id, state.snapshot_id) == (job_id, "1700000000")
        assert state_of(result_ids.categorizer_state(job_id, number)).job_id == job_id
    assert state_of(result_ids.quantiles(job_id)) == State(f"{job_id}_quantiles", job_id, None)


@pytest.mark.parametrize("document_id", ["analytics_progress", "_quantiles", "job_model_state_7", "quantiles"])
def test_what_is_no_state_of_a_job_is_left_alone(document_id):
    assert state_of(document_id) is None


def test_models_of_snapshots_that_are_gone_are_lost_unless_they_are_young_or_unknown():
    now_s = NOW_MS // 1000
    ids = [str(now_s - 3 * DAY_S), str(now_s - 2 * DAY_S), str(now_s - DAY_S // 2), "handmade"]
    models = [State(f"a_model_state_{each}#1", "a", each) for each in ids] + [State("a_quantiles", "a", None)]
    assert lost_models(models, {ids[0]}, NOW_MS) == [models[1]]
