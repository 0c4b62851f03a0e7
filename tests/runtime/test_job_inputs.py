"""What a job works with reaches its engine, when the job is opened and when it is updated."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
import pytest

from proxy.engine import state
from proxy.errors import MlError
from proxy.runtime.job_inputs import JobInputs, check_filters_exist, filter_ids, gather_inputs
from proxy.runtime.place.model import JobModel

START_S = 1_700_000_000 // 3600 * 3600
HOST_RULE = {"actions": ["skip_result"], "scope": {"host": {"filter_id": "quiet", "filter_type": "include"}}}
CONFIGURATION = {
    "job_id": "inputs",
    "groups": ["web"],
    "results_index_name": "shared",
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [
            {"function": "count", "partition_field_name": "host", "custom_rules": [HOST_RULE], "detector_index": 0}
        ],
    },
    "data_description": {"time_field": "time", "time_format": "epoch"},
}
# Two hours in which no result is wanted.
HOLIDAY = {
    "description": "a day off",
    "start_time": (START_S + 3600) * 1000,
    "end_time": (START_S + 3 * 3600) * 1000,
    "skip_result": True,
    "skip_model_update": True,
}


class Shelf:
    """One filter and one calendar, which is for a group."""

    def __init__(self) -> None:
        self.filters = self.calendars = self.indices = self

    async def targets(self, job_id: str, results_index_name: str) -> tuple[str, str, str]:
        return f"{results_index_name}-{job_id}", "annotations", "state"

    async def items_of(self, filter_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {filter_id: ["a"] for filter_id in filter_ids if filter_id == "quiet"}

    async def events_of(self, job_id: str, groups: Sequence[str]) -> Sequence[Mapping[str, object]]:
        return [HOLIDAY] if "web" in groups else []


async def test_inputs_are_put_together_from_what_is_stored():
    inputs = await gather_inputs(Shelf(), CONFIGURATION)
    assert inputs == JobInputs(
        "inputs", CONFIGURATION, {"quiet": ["a"]}, [HOLIDAY], "shared-inputs", "annotations", "state"
    )
    assert pickle.loads(pickle.dumps(inputs)) == inputs


async def test_a_job_is_not_opened_without_the_filters_of_its_rules():
    inputs = await gather_inputs(Shelf(), CONFIGURATION)
    check_filters_exist(inputs)
    with pytest.raises(MlError) as refused:
        check_filters_exist(replace(inputs, filters={}))
    assert refused.value.status == 404
    assert refused.value.reason.endswith("filters of its rules do not exist: [quiet]")


def test_filters_are_those_that_the_rules_name():
    second = {"function": "mean", "custom_rules": [HOST_RULE, {"conditions": []}, {"scope": {"x": {"filter_id": "b"}}}]}
    detectors = [{"function": "count"}, second]
    assert filter_ids({"analysis_config": {"detectors": detectors}}) == ["b", "quiet"]


async def test_the_events_of_calendars_reach_the_model():
    inputs = await gather_inputs(Shelf(), CONFIGURATION)
    assert events_by_hour(inputs) == [[], ["a day off"], ["a day off"], []]
    assert events_by_hour(replace(inputs, calendar_events=())) == [[], [], [], []]


async def test_changed_events_reach_a_running_model():
    updated = await gather_inputs(Shelf(), CONFIGURATION)
    inputs = replace(updated, calendar_events=())
    assert events_by_hour(inputs, updated) == [[], ["a day off"], ["a day off"], []]


async def test_a_stored_pattern_that_cannot_be_run_keeps_its_job_from_opening_and_says_which():
    """An earlier version, or another product on the same index, may have accepted it."""
    analysis = {
        **CONFIGURATION["analysis_config"],
        "detectors": [{"function": "count", "by_field_name": "mlcategory", "detector_index": 0}],
        "categorization_field_name": "message",
        "categorization_filters": ["a(?=b)"],
    }
    inputs = await gather_inputs(Shelf(), {**CONFIGURATION, "analysis_config": analysis})
    with pytest.raises(MlError) as refused:
        JobModel(inputs)
    assert refused.value.status == 400
    assert refused.value.reason.startswith("[inputs] a categorization pattern cannot be used: ")
    assert "(?=...)" in refused.value.reason


async def test_a_model_of_another_engine_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = await gather_inputs(Shelf(), CONFIGURATION)
    monkeypatch.setattr(state, "VERSION", state.VERSION - 1)
    old = JobModel(inputs).packed(0, None)
    monkeypatch.undo()
    with pytest.raises(MlError, match=r"reset the job to begin a new one: engine state has version") as refused:
        JobModel(inputs, old)
    assert refused.value.status == 400


def events_by_hour(inputs: JobInputs, updated: JobInputs | None = None) -> list[list[str]]:
    """The scheduled events of the first four buckets; ``updated`` inputs are told before any data."""
    model = JobModel(inputs)
    if updated is not None:
        model.update(updated)
    rows = [{"time": START_S + hour * 3600, "host": "a"} for hour in range(5)]
    ingested, _ = model.read(b"\n".join(map(orjson.dumps, rows)), None, "")
    lines = [line for outcome in model.analysing(ingested, 0) for line in outcome.lines]
    documents = [orjson.loads(line.split(b"\n")[1]) for line in lines]
    return [source.get("scheduled_events", []) for source in documents if source.get("result_type") == "bucket"]
