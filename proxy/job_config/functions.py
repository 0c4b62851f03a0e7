"""The detector functions: which fields each one needs or forbids, and what modelling one series of it costs.

One row per family; the engine has its own table of how each function is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["required", "optional", "forbidden"]

DEFAULT_FUNCTION = "metric"


@dataclass(frozen=True, slots=True)
class FunctionRules:
    """What the fields of a detector with this function may be."""

    field: Need
    by: Need
    over: Need
    stands_alone: bool
    """Whether the function works without any field: it counts records or reads the clock."""
    kilobytes: int
    """Memory of one modelled series, as the memory estimate takes it."""
    rules_see_values: bool
    """Whether conditions of custom rules may look at actual and typical, not only at the time."""


_ROWS: tuple[tuple[str, FunctionRules], ...] = (
    ("count low_count high_count", FunctionRules("forbidden", "optional", "optional", True, 32, True)),
    (
        "non_zero_count low_non_zero_count high_non_zero_count nzc low_nzc high_nzc",
        FunctionRules("forbidden", "optional", "forbidden", True, 32, True),
    ),
    (
        "distinct_count low_distinct_count high_distinct_count dc low_dc high_dc",
        FunctionRules("required", "optional", "optional", False, 32, True),
    ),
    ("rare", FunctionRules("forbidden", "required", "optional", False, 2, False)),
    ("freq_rare", FunctionRules("forbidden", "required", "required", False, 2, False)),
    (
        "info_content low_info_content high_info_content",
        FunctionRules("required", "optional", "optional", False, 48, True),
    ),
    ("metric", FunctionRules("required", "optional", "optional", False, 120, False)),
    ("lat_long", FunctionRules("required", "optional", "optional", False, 64, False)),
    (
        "min max mean low_mean high_mean avg low_avg high_avg sum low_sum high_sum "
        "non_null_sum low_non_null_sum high_non_null_sum varp low_varp high_varp",
        FunctionRules("required", "optional", "optional", False, 48, True),
    ),
    ("median low_median high_median", FunctionRules("required", "optional", "optional", False, 64, True)),
    ("time_of_day time_of_week", FunctionRules("forbidden", "optional", "optional", True, 10, True)),
)

FUNCTIONS: dict[str, FunctionRules] = {name: rules for names, rules in _ROWS for name in names.split()}

# The only short names that the echo writes out; `avg` stays as it is.
LONG_NAMES = {
    "nzc": "non_zero_count",
    "low_nzc": "low_non_zero_count",
    "high_nzc": "high_non_zero_count",
    "dc": "distinct_count",
    "low_dc": "low_distinct_count",
    "high_dc": "high_distinct_count",
}
