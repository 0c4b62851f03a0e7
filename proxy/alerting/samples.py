"""A made-up alert, with which the templates of a rule are tried when it is made."""

from __future__ import annotations

from typing import Any

_RECORD = {
    "job_id": "sample",
    "timestamp": 1_700_000_000_000,
    "score": 91,
    "record_score": 91.2,
    "initial_record_score": 91.2,
    "function": "mean",
    "function_description": "mean",
    "field_name": "responsetime",
    "partition_field_name": "host",
    "partition_field_value": "web-1",
    "detector_index": 0,
    "typical": ["120"],
    "actual": ["2400"],
    "unique_key": "1700000000000_sample_0",
}
_INFLUENCER = {"influencer_field_name": "host", "influencer_field_value": "web-1", "score": 91, "unique_key": "1_host"}

SAMPLE: dict[str, Any] = {
    "date": "2023-11-14T22:13:20.000Z",
    "rule": {"id": "sample", "name": "Sample", "type": "", "spaceId": "default", "tags": ["one"], "params": {}},
    "alert": {
        "id": "sample",
        "uuid": "sample",
        "actionGroup": "anomaly_score_match",
        "actionGroupName": "Anomaly score matched the condition",
        "flapping": False,
        "consecutiveMatches": 1,
    },
    "context": {
        "timestamp": 1_700_000_000_000,
        "timestampIso8601": "2023-11-14T22:13:20.000Z",
        "jobIds": ["sample"],
        "message": "Critical anomaly in mean(responsetime)",
        "score": 91,
        "isInterim": False,
        "anomalyExplorerUrl": "/",
        # As many as a rule may put into its messages.
        "topRecords": [_RECORD] * 50,
        "topInfluencers": [_INFLUENCER] * 50,
        "results": [{"job_id": "sample"}] * 50,
    },
}
