"""The three jobs of the demo, their datafeeds and the alert rule about them, as their user would write them."""

from __future__ import annotations

from typing import Any

from proxy.transfer import ready_made

INDEX = "flights"
GROUP = "flights-2013"
# Where the flights end; a datafeed that is started with an end closes its job there.
END = "2014-01-02T00:00:00Z"

JOBS: dict[str, dict[str, Any]] = {
    job["id"]: {**job["config"], "datafeed_config": {"indices": [INDEX]}} for job in ready_made("flights")["jobs"]
}

# A day on which one of the jobs is 75 or worse raises an alert; the days behind it that are as bad belong to it.
RULE_ID = "flights-storms"
RULE: dict[str, Any] = {
    "name": "Storms over the airports",
    "rule_type_id": "xpack.ml.anomaly_detection_alert",
    "consumer": "ml",
    "schedule": {"interval": "1m"},
    "params": {"jobSelection": {"groupIds": [GROUP]}, "severity": 75, "resultType": "bucket"},
}
