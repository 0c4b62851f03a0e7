"""The three jobs of the demo and their datafeeds: the ready-made ones, as their user would write them."""

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
