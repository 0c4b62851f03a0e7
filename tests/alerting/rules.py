"""Rules, buckets and records for the tests of alerting, each with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from proxy.alerting.matching import BucketResults
from proxy.alerting.rule import ANOMALY, Rule, rule_of
from proxy.alerting.rule_form import new_rule

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
CONNECTORS = {"log": ".server-log"}


def form(
    severity: float = 75, result_type: str = "record", own: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """The body of a rule about the job `flights`; ``params`` in ``given`` are added to its own."""
    params = {"jobSelection": {"jobIds": ["flights"]}, "severity": severity, "resultType": result_type}
    params |= given.pop("params", {}) | ({"lanewatch": own} if own else {})
    return {
        "name": "Loud flights",
        "rule_type_id": ANOMALY,
        "consumer": "ml",
        "schedule": {"interval": "1m"},
        "params": params,
        **given,
    }


def rule(severity: float = 75, result_type: str = "record", *, rule_id: str = "r", **given: Any) -> Rule:
    stored = new_rule(form(severity, result_type, **given), rule_id, CONNECTORS, START_MS)
    return rule_of(stored)


def action(group: str = "anomaly_score_match", uuid: str = "a", **frequency: str) -> dict[str, Any]:
    built: dict[str, Any] = {"id": "log", "group": group, "uuid": uuid, "params": {"message": "{{context.message}}"}}
    return built | ({"frequency": {"summary": False, **frequency}} if frequency else {})


def record(score: float, **fields: Any) -> dict[str, Any]:
    return {
        "job_id": "flights",
        "result_type": "record",
        "timestamp": START_MS,
        "detector_index": 0,
        "record_score": score,
        "initial_record_score": score,
        "function": "mean",
        "function_description": "mean",
        "field_name": "delay",
        "actual": [30.0],
        "typical": [10.0],
        **fields,
    }


def influencer(name: str, value: str, score: float) -> dict[str, Any]:
    return {
        "job_id": "flights",
        "result_type": "influencer",
        "timestamp": START_MS,
        "influencer_field_name": name,
        "influencer_field_value": value,
        "influencer_score": score,
        "initial_influencer_score": score,
    }


def bucket(
    number: int, score: float = 0.0, *records: dict[str, Any], interim: bool = False, influencers: Any = ()
) -> BucketResults:
    """The ``number``-th hour; with a score and no records it has one record of that score."""
    records = records or ((record(score),) if score else ())
    return BucketResults(
        job_id="flights",
        timestamp_ms=START_MS + number * HOUR_MS,
        span_ms=HOUR_MS,
        is_interim=interim,
        bucket={"anomaly_score": score, "initial_anomaly_score": score},
        records=records,
        influencers=influencers,
    )
