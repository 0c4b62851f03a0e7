"""The three jobs of the demo, as their user would write them."""

from __future__ import annotations

from typing import Any

INDEX = "flights"
GROUP = "flights-2013"
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ssX"
_DATA = {"time_field": "@timestamp", "time_format": TIME_FORMAT}


def _job(description: str, detector: dict[str, str], influencers: list[str]) -> dict[str, Any]:
    return {
        "description": description,
        "groups": [GROUP],
        "analysis_config": {"bucket_span": "1d", "detectors": [detector], "influencers": influencers},
        "data_description": _DATA,
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
# What the jobs read; the rest of a flight need not travel.
FIELDS = ["@timestamp", "carrier", "origin", "dep_delay", "cancelled", "departed"]
