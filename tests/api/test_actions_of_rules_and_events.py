"""What rules and events do besides hiding results, from the configuration of a job to what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from tests.http_client import HttpClient

HOUR_MS = 3_600_000
START_MS = 1_735_689_600_000
DAYS = 21
# When values rise for good, or clocks change.
CHANGE_MS = START_MS + 16 * 24 * HOUR_MS
SINCE = {"applies_to": "time", "operator": "gte", "value": CHANGE_MS // 1000}
JOB_ID = "acting"
PATH = f"/_ml/anomaly_detectors/{JOB_ID}"
SHOWN = {"skip_result": False, "skip_model_update": False}


def risen() -> list[dict[str, float]]:
    """A steady value that rises for good."""
    return hourly(lambda hour, later: 100 + 40 * later + hour * 7919 % 11)


def clocks_changed() -> list[dict[str, float]]:
    """A steep rhythm of the day that comes an hour earlier from some day on."""
    return hourly(lambda hour, later: (300 if 8 <= (hour + later) % 24 < 16 else 40) + hour * 7919 % 11)


def hourly(value: Any) -> list[dict[str, float]]:
    times = range(START_MS, START_MS + DAYS * 24 * HOUR_MS, HOUR_MS)
    return [
        {"time": time + part * 600_000, "value": value(hour, time >= CHANGE_MS) + math.sin(hour + part)}
        for hour, time in enumerate(times)
        for part in range(3)
    ]


def analysed(
    client: HttpClient,
    records: list[dict[str, float]],
    rule: Mapping[str, object] | None = None,
    event: Mapping[str, object] | None = None,
) -> tuple[float, float]:
    """The highest score since the change, and the last median of the model's plot."""
    client.delete("/_ml/calendars/acting-calendar")
    client.delete(PATH, query={"force": "true"})
    detector = {"function": "mean", "field_name": "value"} | ({"custom_rules": [rule]} if rule else {})
    job = {
        "analysis_config": {"bucket_span": "1h", "detectors": [detector]},
        "data_description": {"time_field": "time", "time_format": "epoch_ms"},
        "model_plot_config": {"enabled": True},
    }
    made = client.put(PATH, json_body=job)
    assert made.status == 200, made.text
    if event is not None:
        client.put("/_ml/calendars/acting-calendar", json_body={"job_ids": [JOB_ID]})
        whole = {"description": "change", "start_time": CHANGE_MS} | dict(event)
        added = client.post("/_ml/calendars/acting-calendar/events", json_body={"events": [whole]})
        assert added.status == 200, added.text
    client.post(f"{PATH}/_open")
    assert client.post(f"{PATH}/_data", ndjson=records).status == 202
    assert client.post(f"{PATH}/_close").status == 200
    found = client.get(f"{PATH}/results/records", query={"start": str(CHANGE_MS), "size": "1"}).json()["records"]
    query = {"size": 1, "sort": [{"timestamp": "desc"}], "query": {"term": {"result_type": "model_plot"}}}
    plots = client.post(f"/.ml-anomalies-{JOB_ID}/_search", json_body=query).json()["hits"]["hits"]
    client.delete(PATH, query={"force": "true"})
    client.delete("/_ml/calendars/acting-calendar")
    return (found[0]["record_score"] if found else 0.0), plots[0]["_source"]["model_median"]


@pytest.mark.parametrize("by", ["rule", "event"])
def test_skip_model_update_shows_what_is_not_learnt(client: HttpClient, by: str) -> None:
    score, median = analysed(client, risen())
    assert score >= 75 and median > 130, "or the comparison says nothing"
    if by == "rule":
        score, median = analysed(client, risen(), rule={"actions": ["skip_model_update"], "conditions": [SINCE]})
    else:
        end = {"end_time": START_MS + DAYS * 24 * HOUR_MS, "skip_result": False, "skip_model_update": True}
        score, median = analysed(client, risen(), event=end)
    assert score >= 75
    assert median < 120


@pytest.mark.parametrize("by", ["rule", "event"])
def test_force_time_shift_announces_a_change_of_clocks(client: HttpClient, by: str) -> None:
    assert analysed(client, clocks_changed())[0] >= 75, "or the comparison says nothing"
    if by == "rule":
        params = {"force_time_shift": {"time_shift_amount": 3600}}
        rule = {"actions": ["force_time_shift"], "params": params, "conditions": [SINCE]}
        score, _ = analysed(client, clocks_changed(), rule=rule)
    else:
        event = {"end_time": CHANGE_MS + HOUR_MS, "force_time_shift": 3600, **SHOWN}
        score, _ = analysed(client, clocks_changed(), event=event)
    assert score < 50
