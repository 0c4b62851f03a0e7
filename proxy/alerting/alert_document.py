"""An alert as a document in Kibana's form (``kibana.alert.*``): what the Alerts panel and other readers search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy import __version__
from proxy.alerting.episodes import Episode
from proxy.alerting.health_checks import results_field
from proxy.alerting.rule import ANOMALY, MATCHED, RECOVERED, Rule
from proxy.units import iso

_CATEGORY = {ANOMALY: "Anomaly detection"}
_HEALTH_CATEGORY = "Anomaly detection jobs health"
_ACTIONS = {"active": "active", "recovered": "close", "untracked": "close"}
_RECORD_KEYS = (
    *("job_id", "record_score", "initial_record_score", "detector_index", "is_interim", "timestamp", "function"),
    *("partition_field_name", "partition_field_value", "over_field_name", "over_field_value"),
    *("by_field_name", "by_field_value", "typical", "actual", "field_name"),
)
_INFLUENCER_KEYS = (
    *("job_id", "influencer_field_name", "influencer_field_value", "influencer_score"),
    *("initial_influencer_score", "is_interim", "timestamp"),
)


def anomaly_alert(rule: Rule, episode: Episode, *, reason: str, url: str, now_ms: int) -> dict[str, Any]:
    """The document of an alert about anomalies, whole: it replaces the one before."""
    return alert_fields(rule, episode, reason=reason, now_ms=now_ms) | {
        "kibana.alert.url": url,
        "kibana.alert.job_id": episode.job_id,
        "kibana.alert.anomaly_score": list(episode.scores),
        "kibana.alert.is_interim": episode.is_provisional,
        "kibana.alert.anomaly_timestamp": episode.moments[-1],
        "kibana.alert.top_records": [_only(record, _RECORD_KEYS) for record in episode.records],
        "kibana.alert.top_influencers": [_only(each, _INFLUENCER_KEYS) for each in episode.influencers],
        "lanewatch.anomaly_timestamps": list(episode.moments),
    }


def health_alert(rule: Rule, episode: Episode, *, reason: str, now_ms: int) -> dict[str, Any]:
    """The document of an alert about the health of jobs, whole; its group is the check."""
    fields = alert_fields(rule, episode, reason=reason, now_ms=now_ms)
    return fields | {results_field(episode.group): list(episode.records)}


def alert_fields(rule: Rule, episode: Episode, *, reason: str, now_ms: int) -> dict[str, Any]:
    """What documents of all kinds of alerts have."""
    status = episode.status
    is_active = status == "active"
    is_new = is_active and episode.matches <= rule.delay and not episode.misses
    fields: dict[str, Any] = {
        "@timestamp": now_ms,
        "event.kind": "signal",
        "event.action": "open" if is_new else _ACTIONS[status],
        "tags": list(rule.tags),
        "kibana.space_ids": ["default"],
        "kibana.version": __version__,
        "kibana.alert.uuid": episode.uuid,
        "kibana.alert.instance.id": episode.group,
        "kibana.alert.status": status,
        "kibana.alert.action_group": MATCHED[rule.type_id] if is_active else RECOVERED,
        "kibana.alert.start": episode.start_ms,
        "kibana.alert.duration.us": (episode.end_ms - episode.start_ms) * 1000,
        "kibana.alert.time_range": {"gte": episode.start_ms, **({} if is_active else {"lte": episode.end_ms})},
        "kibana.alert.reason": reason,
        "kibana.alert.flapping": False,
        "kibana.alert.consecutive_matches": episode.matches,
        "kibana.alert.pending_recovered_count": episode.misses if is_active else 0,
        "kibana.alert.severity_improving": len(episode.scores) > 1 and episode.scores[-1] < episode.scores[-2],
        "kibana.alert.last_detected": episode.moments[-1] if episode.moments else episode.start_ms,
        "kibana.alert.workflow_status": "open",
        "kibana.alert.muted": rule.is_muted(episode.group),
        "lanewatch.group": episode.group,
        "lanewatch.sequence": episode.sequence,
    }
    if not is_active:
        fields["kibana.alert.end"] = episode.end_ms
        fields["kibana.alert.previous_action_group"] = MATCHED[rule.type_id]
    return fields | _rule_fields(rule, now_ms)


def _rule_fields(rule: Rule, now_ms: int) -> dict[str, Any]:
    stored = rule.stored
    return {
        "kibana.alert.rule.name": rule.name,
        "kibana.alert.rule.uuid": rule.rule_id,
        "kibana.alert.rule.rule_type_id": rule.type_id,
        "kibana.alert.rule.category": _CATEGORY.get(rule.type_id, _HEALTH_CATEGORY),
        "kibana.alert.rule.consumer": stored["consumer"],
        "kibana.alert.rule.producer": "ml",
        "kibana.alert.rule.revision": rule.revision,
        "kibana.alert.rule.tags": list(rule.tags),
        "kibana.alert.rule.parameters": stored["params"],
        "kibana.alert.rule.execution.timestamp": now_ms,
    }


def _only(document: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: document[key] for key in keys if key in document}


def untracked_reason(rule: Rule, episode: Episode) -> str:
    """Why nothing more is to be expected of an alert."""
    return f"{rule.name} no longer tracks [{episode.group}], whose alert began at {iso(episode.start_ms)}"
