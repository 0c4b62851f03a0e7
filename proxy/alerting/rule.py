"""An alert rule as it is judged: read from the stored form, which is what Kibana's API shows.

Kibana's parameters have Kibana's meaning; ours stand below ``lanewatch`` beside them. What a single value may be is
said by the schemas of the operations, here are the rules that take several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from proxy.alerting.kql import Condition, anything, condition_of
from proxy.errors import illegal_argument
from proxy.units import parse_duration_ms

ANOMALY = "xpack.ml.anomaly_detection_alert"
HEALTH = "xpack.ml.anomaly_detection_jobs_health"
MATCHED = {ANOMALY: "anomaly_score_match", HEALTH: "anomaly_detection_realtime_issue"}
RECOVERED = "recovered"

ResultType = Literal["record", "bucket", "influencer"]
GroupBy = Literal["job", "detector", "entity", "influencer"]
NotifyWhen = Literal["onActionGroupChange", "onActiveAlert", "onThrottleInterval"]
RECORDS_SHOWN = 3
# Of the stored form alone: since when the rule has been in force.
ENABLED_AT = "enabled_at"
# Since when it has selected the jobs that it selects, where that was edited.
SELECTED_AT = "selected_at"
_SCHEDULE = "schedule.interval"
_PARAMETERS = {
    ANOMALY: (
        *("jobSelection", "severity", "resultType", "includeInterim", "lookbackInterval", "topNBuckets"),
        *("kqlQueryString", "lanewatch"),
    ),
    HEALTH: ("includeJobs", "excludeJobs", "testsConfig"),
}


@dataclass(frozen=True, slots=True)
class AnomalyParams:
    """``severity`` from 0 to 100; ``recover_after`` buckets without a match an alert recovers."""

    job_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    severity: float
    result_type: ResultType
    include_interim: bool
    condition: Condition
    group_by: GroupBy
    records: int
    recover_after: int

    def selects(self, job_id: str, groups: tuple[str, ...]) -> bool:
        return job_id in self.job_ids or "*" in self.job_ids or bool(set(groups) & set(self.group_ids))


@dataclass(frozen=True, slots=True)
class Action:
    """A message by a connector whenever an alert comes into a group; how often while it stays there, by ``notify``."""

    action_id: str
    connector_id: str
    connector_type_id: str
    group: str
    params: Mapping[str, Any]
    notify: NotifyWhen
    throttle_ms: int


@dataclass(frozen=True, slots=True)
class Rule:
    """``delay`` is after how many matches in a row an alert is active; ``params`` is None for a rule about health."""

    rule_id: str
    name: str
    type_id: str
    enabled: bool
    stored: Mapping[str, Any]
    enabled_at_ms: int
    selected_at_ms: int
    interval_ms: int
    params: AnomalyParams | None
    actions: tuple[Action, ...]
    delay: int
    mute_all: bool
    muted: frozenset[str]
    tags: tuple[str, ...]
    revision: int

    def is_muted(self, group: str) -> bool:
        return self.mute_all or group in self.muted


def rule_of(stored: Mapping[str, Any]) -> Rule:
    """
    Raises:
        MlError: 400 where its parameters do not fit together.
    """
    type_id = stored["rule_type_id"]
    _check_parameters(type_id, stored["params"])
    return Rule(
        rule_id=stored["id"],
        name=stored["name"],
        type_id=type_id,
        enabled=stored["enabled"],
        stored=stored,
        enabled_at_ms=stored[ENABLED_AT],
        selected_at_ms=max(stored[ENABLED_AT], stored.get(SELECTED_AT, 0)),
        interval_ms=parse_duration_ms(stored["schedule"]["interval"], _SCHEDULE),
        params=_anomaly_params(stored["params"]) if type_id == ANOMALY else None,
        actions=tuple(_action(each, stored) for each in stored["actions"]),
        delay=(stored.get("alert_delay") or {}).get("active", 1),
        mute_all=stored["mute_all"],
        muted=frozenset(stored["muted_alert_ids"]),
        tags=tuple(stored["tags"]),
        revision=stored["revision"],
    )


def _check_parameters(type_id: str, params: Mapping[str, Any]) -> None:
    """
    Raises:
        MlError: 400 for a parameter that the other type of rules has, or that is missing.
    """
    known = _PARAMETERS[type_id]
    for name in params:
        if name not in known:
            raise illegal_argument(f"[params] unknown field [{name}] for rules of type [{type_id}]")
    for name in ("jobSelection", "severity", "resultType") if type_id == ANOMALY else ():
        if name not in params:
            raise illegal_argument(f"[params.{name}] is required")


def _anomaly_params(params: Mapping[str, Any]) -> AnomalyParams:
    selection, own = params["jobSelection"], params.get("lanewatch", {})
    jobs, groups = selection.get("jobIds") or (), selection.get("groupIds") or ()
    if not jobs and not groups:
        raise illegal_argument("Job selection is required")
    result_type = cast(ResultType, params["resultType"])
    group_by = cast(GroupBy, own.get("group_by", "job"))
    query = params.get("kqlQueryString")
    if result_type == "bucket":
        if query:
            raise illegal_argument("Custom filters are not supported for bucket result type")
        if group_by != "job":
            raise illegal_argument(f"[group_by] must be [job] for bucket result type, found [{group_by}]")
    if result_type == "influencer" and group_by in ("detector", "entity"):
        text = f"[group_by] must be [job] or [influencer] for influencer result type, found [{group_by}]"
        raise illegal_argument(text)
    return AnomalyParams(
        job_ids=tuple(jobs),
        group_ids=tuple(groups),
        severity=params["severity"],
        result_type=result_type,
        # Kibana's API takes true where nothing is said, and alerts that are not there when looked at.
        include_interim=bool(params.get("includeInterim", False)),
        condition=condition_of(query) if query else anything,
        group_by=group_by,
        records=own.get("records", RECORDS_SHOWN),
        recover_after=own.get("recover_after", 1),
    )


def _action(action: Mapping[str, Any], rule: Mapping[str, Any]) -> Action:
    frequency = action.get("frequency") or {"notify_when": rule.get("notify_when"), "throttle": rule.get("throttle")}
    notify = cast(NotifyWhen, frequency.get("notify_when") or "onActionGroupChange")
    throttle = frequency.get("throttle")
    if notify == "onThrottleInterval" and not throttle:
        raise illegal_argument("[throttle] is required where [notify_when] is [onThrottleInterval]")
    group = action["group"]
    if group not in (MATCHED[rule["rule_type_id"]], RECOVERED):
        raise illegal_argument(f"Invalid action groups: {group}")
    return Action(
        action_id=action["uuid"],
        connector_id=action["id"],
        connector_type_id=action["connector_type_id"],
        group=group,
        params=action["params"],
        notify=notify,
        throttle_ms=parse_duration_ms(throttle, "throttle") if throttle else 0,
    )
