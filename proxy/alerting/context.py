"""What messages about alerts can speak of: the variables ``context.*`` of Kibana, and some of ours.

Which of them a message uses is said by its template, see ``templates``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.alerting.episodes import Episode, Message
from proxy.alerting.links import Links
from proxy.alerting.rule import ANOMALY, MATCHED, RECOVERED, Rule
from proxy.store.alerting.messages import Delivery
from proxy.units import iso

SEVERITIES = ((75, "critical"), (50, "major"), (25, "minor"), (0, "warning"))
_GROUP_NAMES = {
    (ANOMALY, MATCHED[ANOMALY]): "Anomaly score matched the condition",
    (ANOMALY, RECOVERED): "Recovered",
}
_SIDES = (("by", "found for"), ("over", "found for"), ("partition", "detected in"))


def severity_of(score: float) -> str:
    return next(name for least, name in SEVERITIES if score >= least)


def reason_of(rule: Rule, episode: Episode) -> str:
    """One sentence on an alert, for its document and its messages."""
    if episode.status == "recovered":
        if episode.is_provisional:
            return "The anomaly was seen in an interim result and is not there in the final one."
        return f"No anomaly of [{episode.group}] is over the threshold any more."
    kind = rule.params.result_type if rule.params else ""
    score = math.floor(episode.score)
    if kind == "record" and episode.records:
        return _record_sentence(episode.records[0], score)
    if kind == "influencer" and episode.influencers:
        worst = episode.influencers[0]
        who = f"{worst['influencer_field_name']} {worst['influencer_field_value']}"
        return f"{severity_of(score).capitalize()} anomalies are influenced by {who}, score {score}."
    return f"{severity_of(score).capitalize()} anomaly of job [{episode.job_id}], score {score}."


def _record_sentence(record: Mapping[str, Any], score: int) -> str:
    field = f"({record['field_name']})" if record.get("field_name") else ""
    text = f"{severity_of(score).capitalize()} anomaly in {record.get('function_description', '')}{field}"
    for side, words in _SIDES:
        if record.get(f"{side}_field_name"):
            text += f" {words} {record[f'{side}_field_name']} {record.get(f'{side}_field_value', '')}"
    change = change_of(record)
    return f"{text}. {change}." if change else f"{text}."


def change_of(record: Mapping[str, Any]) -> str:
    """How the actual value lies to the typical one, in words."""
    actual, typical = record.get("actual") or (), record.get("typical") or ()
    values = [*actual, *typical]
    if len(values) != 2 or len(actual) != 1:
        return "unusual values" if len(actual) > 1 else ""
    seen, usual = map(float, values)
    if seen == usual:
        return "actual same as typical"
    if seen == 0 or usual == 0:
        return "unexpected zero value" if seen == 0 else "unexpected non-zero value"
    is_higher = seen > usual
    factor = seen / usual if is_higher else usual / seen
    word = "higher" if is_higher else "lower"
    if factor > 100:
        return f"more than 100x {word}"
    if factor > 1.5:
        return f"{_rounded(factor)}x {word}"
    if factor >= 1.05:
        return f"{factor:.2f}".rstrip("0").rstrip(".") + f"x {word}"
    return "unusually high" if is_higher else "unusually low"


def _rounded(value: float) -> int:
    """Half up, as people round."""
    return math.floor(value + 0.5)


def delivery_of(
    rule: Rule, message: Message, links: Links, *, context: Mapping[str, Any], alert: Mapping[str, Any], now_ms: int
) -> Delivery:
    """A message as it waits to be sent.

    context: the variables below ``context``.
    alert: as ``alertmanager_form`` has it.
    """
    action, episode = message.action, message.episode
    return Delivery(
        delivery_id=message.delivery_id,
        alert_id=episode.uuid,
        rule_id=rule.rule_id,
        rule_name=rule.name,
        action_id=action.action_id,
        connector_id=action.connector_id,
        connector_type_id=action.connector_type_id,
        transition=message.transition,
        sequence=episode.sequence,
        created_at_ms=now_ms,
        params=action.params,
        context={
            "date": iso(now_ms),
            "kibanaBaseUrl": links.base_url,
            "rule": _rule_variables(rule, links),
            "alert": _alert_variables(rule, message),
            "context": context,
        },
        alert=alert,
    )


def context_of(rule: Rule, episode: Episode, url: str) -> dict[str, Any]:
    """The variables below ``context`` of an alert about anomalies; ``url`` is where the page shows it."""
    at_ms = episode.moments[-1]
    shared = {
        "jobIds": [episode.job_id],
        "message": reason_of(rule, episode),
        "anomalyExplorerUrl": url,
    }
    if episode.status == "recovered":
        return shared
    return shared | {
        "timestamp": at_ms,
        "timestampIso8601": iso(at_ms),
        "score": math.floor(episode.score),
        "initialScore": math.floor(episode.initial_score),
        "isInterim": episode.is_provisional,
        "severity": severity_of(episode.score),
        "totalRecords": episode.total,
        "topRecords": [_shown_record(record) for record in episode.records],
        "topInfluencers": [_shown_influencer(each) for each in episode.influencers],
    }


def _rule_variables(rule: Rule, links: Links) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "name": rule.name,
        "type": rule.type_id,
        "spaceId": "default",
        "tags": list(rule.tags),
        "params": dict(rule.stored["params"]),
        "url": links.rule(rule.rule_id),
    }


def _alert_variables(rule: Rule, message: Message) -> dict[str, Any]:
    episode = message.episode
    group = MATCHED[rule.type_id] if message.transition == "active" else RECOVERED
    return {
        "id": episode.group,
        "uuid": episode.uuid,
        "actionGroup": group,
        "actionGroupName": _GROUP_NAMES.get((rule.type_id, group), group),
        "flapping": False,
        "consecutiveMatches": episode.matches,
    }


def _shown_record(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in record.items() if name not in ("actual", "typical", "event")},
        "score": math.floor(record["record_score"]),
        "typical": _numbers(record.get("typical", ())),
        "actual": _numbers(record.get("actual", ())),
        "unique_key": f"{record['timestamp']}_{record['job_id']}_{record['detector_index']}",
    }


def _shown_influencer(influencer: Mapping[str, Any]) -> dict[str, Any]:
    name, value = influencer["influencer_field_name"], influencer["influencer_field_value"]
    return {
        "influencer_field_name": name,
        "influencer_field_value": value,
        "score": math.floor(influencer["influencer_score"]),
        "unique_key": f"{influencer['timestamp']}_{name}_{value}",
    }


def _numbers(values: Sequence[float]) -> list[str]:
    return [f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}" for value in values]


def alertmanager_form(rule: Rule, message: Message, url: str) -> dict[str, Any]:
    """The alert as labels, which tell it from others and never change, and annotations, which may.

    So the severity is that with which it began. ``url`` is where the page shows it.
    """
    episode = message.episode
    labels = {
        "alertname": rule.name,
        "job_id": episode.job_id,
        "rule_id": rule.rule_id,
        "severity": severity_of(episode.first_score),
    }
    if rule.params is not None:
        labels["result_type"] = rule.params.result_type
        if episode.group != episode.job_id:
            labels["entity"] = episode.group
    annotations = {"summary": reason_of(rule, episode), "score": f"{episode.score:.2f}"}
    annotations["initial_score"] = f"{episode.initial_score:.2f}"
    if episode.moments:
        annotations["anomaly_time"] = iso(episode.moments[-1])
    if episode.records:
        worst = episode.records[0]
        annotations["actual"], annotations["typical"] = (
            ", ".join(_numbers(worst.get(name, ()))) for name in ("actual", "typical")
        )
    return {
        "alertname": rule.name,
        "labels": labels,
        "annotations": annotations,
        "starts_at_ms": episode.start_ms + episode.span_ms,
        "ends_at_ms": episode.end_ms if message.transition == "recovered" else None,
        "generator_url": url,
        "bucket_span_s": episode.span_ms // 1000,
        "severity": labels["severity"],
    }
