"""The three jobs of the demo, as their user would write them."""

from __future__ import annotations

from typing import Any

INDEX = "flights"
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ssX"
_DATA = {"time_field": "@timestamp", "time_format": TIME_FORMAT}

JOBS: dict[str, dict[str, Any]] = {
    "flights-delay": {
        "description": "How late flights leave, for each airport",
        "groups": ["flights-2013"],
        "analysis_config": {
            "bucket_span": "6h",
            "detectors": [
                {"function": "high_mean", "field_name": "dep_delay", "partition_field_name": "origin"},
            ],
            "influencers": ["origin", "carrier"],
        },
        "data_description": _DATA,
    },
    "flights-cancelled": {
        "description": "How many flights never leave, for each airport",
        "groups": ["flights-2013"],
        "analysis_config": {
            "bucket_span": "6h",
            "detectors": [
                {"function": "high_sum", "field_name": "cancelled", "partition_field_name": "origin"},
            ],
            "influencers": ["origin", "carrier"],
        },
        "data_description": _DATA,
    },
    "flights-volume": {
        "description": "How many flights each airline plans",
        "groups": ["flights-2013"],
        "analysis_config": {
            "bucket_span": "6h",
            "detectors": [{"function": "low_count", "by_field_name": "carrier"}],
            "influencers": ["carrier"],
        },
        "data_description": _DATA,
    },
}
# What the jobs read; the rest of a flight need not travel.
FIELDS = ["@timestamp", "carrier", "origin", "dep_delay", "cancelled"]
