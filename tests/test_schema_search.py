"""Large documents are judged as small ones are, by whoever looks quicker for their faults."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

import pytest

from proxy.schemas import shipped_schemas

BODY = shipped_schemas().section("ml.put_job", "body")
COUNT = {"function": "count"}
PARTS: list[Any] = [
    {"groups": ["a", 5]}, {"groups": {"a": 1}}, {"groups": ["a", []]}, {"bogus": 1}, {"description": []},
    {"analysis_limits": {"model_memory_limit": []}}, {"analysis_limits": {"bogus": 1}}, {"data_description": 7},
    {"custom_settings": {"a": [{"b": [1, [2]]}]}}, {"model_plot_config": {"enabled": "maybe"}},
    {"datafeed_config": {"indices": ["a", 1, None], "bogus": 2}}, {"results_retention_days": "x"},
    {"analysis_config": {"detectors": [COUNT, {"function": "bogus"}, COUNT, {"bogus": 1}]}},
    {"analysis_config": {"detectors": []}},
    {"analysis_config": {"detectors": [{"custom_rules": [{"conditions": [{}]}]}]}},
    {"analysis_config": {"detectors": [COUNT], "influencers": ["a", {"b": 1}, "c"]}}, [], "text", None, 7,
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_the_same_faults_are_found(part: object) -> None:
    document = part
    if isinstance(part, dict):
        document = {"analysis_config": {"detectors": [COUNT]}, "data_description": {}} | part
    assert [str(fault) for fault in BODY.faults_of_large(document)] == [str(fault) for fault in BODY.faults(document)]


@pytest.mark.parametrize(("last", "found"), [(COUNT, 0), ({"function": "bogus"}, 1)])
def test_a_hundred_thousand_elements_take_no_time_to_speak_of(last: dict[str, str], found: int) -> None:
    document = {"analysis_config": {"detectors": [COUNT] * 100_000 + [last]}, "data_description": {}}
    began = time.process_time()
    faults = list(islice(BODY.faults_of_large(document), 10))
    assert time.process_time() - began < 1
    assert [fault.path for fault in faults] == [("analysis_config", "detectors", 100_000, "function")] * found
