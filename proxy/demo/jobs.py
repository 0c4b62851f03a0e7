"""The three jobs of the demo and their datafeeds, as their user would write them."""

from __future__ import annotations

from typing import Any

INDEX = "flights"
GROUP = "flights-2013"
# Where the flights end; a datafeed that is started with an end closes its job there.
END = "2014-01-02T00:00:00Z"
_DATA = {"time_field": "@timestamp"}


def _job(description: str, detector: dict[str, str], influencers: list[str]) -> dict[str, Any]:
    return {
        "description": description,
        "groups": [GROUP],
        "analysis_config": {"bucket_span": "1d", "detectors": [detector], "influencers": influencers},
        "data_description": _DATA,
        "datafeed_config": {"indices": [INDEX]},
        "model_plot_config": {"enabled": True},
    }


JOBS: dict[str, dict[str, Any]] = {
    "flights-delay": _job(
        "How late flights leave, for each airport",
        {"function": "high_mean", "field_name": "dep_delay", "partition_field_name": "origin"},
        ["origin", "carrier"],
    ),
    "flights-cancelled": _job(
        "How many flights never leave, for each airport",
        {"function": "high_sum", "field_name": "cancelled", "partition_field_name": "origin"},
        ["origin", "carrier"],
    ),
    "flights-departed": _job(
        "How many flights each airline gets off the ground",
        {"function": "low_sum", "field_name": "departed", "by_field_name": "carrier"},
        ["carrier"],
    ),
}
