"""An alert in the form of Prometheus' world: what tells it from others in labels, what changes in annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.alerting.connectors.kind import Message, rfc3339

_UNFIT = re.compile(r"[^a-zA-Z0-9_]")
# How an alert that has not ended is written.
_NEVER = "0001-01-01T00:00:00Z"


def label_name(name: str) -> str:
    """As a label may be called: Alertmanager up to 0.25 refuses a whole alert for a dot in one."""
    fit = _UNFIT.sub("_", name) or "_"
    return f"_{fit}" if fit[0].isdigit() else fit


def labels_of(alert: Mapping[str, Any]) -> dict[str, str]:
    """Those with a value; what has none is no label."""
    every = {"alertname": alert["alertname"], "severity": alert.get("severity"), **alert["labels"]}
    return {label_name(name): str(value) for name, value in every.items() if value not in (None, "")}


def annotations_of(alert: Mapping[str, Any]) -> dict[str, str]:
    """With the names of labels as they were before they were made fit."""
    renamed = {name: label_name(name) for name in alert["labels"] if label_name(name) != name}
    originals = {f"{fit}_name": name for name, fit in renamed.items()}
    every = {**originals, **alert.get("annotations", {})}
    return {label_name(name): str(value) for name, value in every.items() if value not in (None, "")}


def webhook_body(message: Message) -> dict[str, Any]:
    """As Alertmanager's own webhooks (version 4), so that whoever reads those reads these."""
    alert = message.alert
    labels, annotations = labels_of(alert), annotations_of(alert)
    status = "resolved" if message.transition == "recovered" else "firing"
    ends_at_ms = alert.get("ends_at_ms")
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{labels["alertname"]}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "lanewatch",
        "groupLabels": {"alertname": labels["alertname"]},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": rfc3339(alert["starts_at_ms"]),
                "endsAt": _NEVER if status == "firing" or ends_at_ms is None else rfc3339(ends_at_ms),
                "generatorURL": alert.get("generator_url") or "",
                "fingerprint": message.alert_id.replace("-", "")[:16],
            }
        ],
    }
