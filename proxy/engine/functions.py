"""The function table: what a detector function measures, which side is unusual, what an empty bucket means.

One row per public function name. Nothing here computes; buckets.py turns a feature into numbers and
models/ judges them.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Which family of model judges the feature."""

    SERIES = "series"
    RARE = "rare"
    FREQ_RARE = "freq_rare"
    CIRCULAR = "circular"
    GEO = "geo"


class Empty(Enum):
    """What a bucket without a value means."""

    ZERO = "zero"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Function:
    """One row of the table; `side` is 0 for both, 1 for high only, -1 for low only."""

    name: str
    feature: str
    side: int
    empty: Empty
    description: str
    kind: Kind = Kind.SERIES
    is_count: bool = False

    @property
    def is_metric(self) -> bool:
        """True when the feature is computed from the values of field_name as numbers."""
        return self.feature in METRIC_FEATURES


METRIC_FEATURES = frozenset({"mean", "min", "max", "sum", "median", "varp"})
TEXT_FEATURES = frozenset({"distinct_count", "info_content"})
ADDITIVE_FEATURES = frozenset({"count", "sum"})
NON_NEGATIVE_FEATURES = frozenset({"count", "distinct_count", "info_content", "varp"})


def _sided(name: str, feature: str, empty: Empty, description: str, *, is_count: bool = False) -> list[Function]:
    return [
        Function(prefix + name, feature, side, empty, description, is_count=is_count)
        for prefix, side in (("", 0), ("high_", 1), ("low_", -1))
    ]


_ROWS = [
    *_sided("count", "count", Empty.ZERO, "count", is_count=True),
    *_sided("non_zero_count", "count", Empty.IGNORED, "count", is_count=True),
    *_sided("distinct_count", "distinct_count", Empty.ZERO, "distinct_count", is_count=True),
    *_sided("info_content", "info_content", Empty.ZERO, "info_content"),
    *_sided("mean", "mean", Empty.IGNORED, "mean"),
    *_sided("median", "median", Empty.IGNORED, "median"),
    *_sided("varp", "varp", Empty.IGNORED, "varp"),
    *_sided("sum", "sum", Empty.ZERO, "sum"),
    *_sided("non_null_sum", "sum", Empty.IGNORED, "sum"),
    Function("min", "min", -1, Empty.IGNORED, "min"),
    Function("max", "max", 1, Empty.IGNORED, "max"),
    Function("rare", "rare", 0, Empty.IGNORED, "rare", Kind.RARE),
    Function("freq_rare", "freq_rare", 0, Empty.IGNORED, "freq_rare", Kind.FREQ_RARE),
    Function("time_of_day", "time_of_day", 0, Empty.IGNORED, "time", Kind.CIRCULAR),
    Function("time_of_week", "time_of_week", 0, Empty.IGNORED, "time", Kind.CIRCULAR),
    Function("lat_long", "lat_long", 0, Empty.IGNORED, "lat_long", Kind.GEO),
]

FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}

ALIASES = {
    "avg": "mean",
    "high_avg": "high_mean",
    "low_avg": "low_mean",
    "nzc": "non_zero_count",
    "high_nzc": "high_non_zero_count",
    "low_nzc": "low_non_zero_count",
    "dc": "distinct_count",
    "high_dc": "high_distinct_count",
    "low_dc": "low_distinct_count",
}

# `metric` watches three features of one field at once; each is a series of its own.
METRIC_PARTS = (FUNCTIONS["mean"], FUNCTIONS["min"], FUNCTIONS["max"])

PUBLIC_NAMES = frozenset(FUNCTIONS) | frozenset(ALIASES) | {"metric"}


def parts_of(name: str) -> tuple[Function, ...]:
    """The rows a public function name stands for; raises KeyError for an unknown name."""
    if name == "metric":
        return METRIC_PARTS
    return (FUNCTIONS[ALIASES.get(name, name)],)


_PLOT_NAMES = {
    "count": "count per bucket",
    "distinct_count": "unique count per bucket",
    "info_content": "information content of value per bucket",
    "mean": "arithmetic mean value",
    "median": "median value",
    "min": "minimum value",
    "max": "maximum value",
    "varp": "variance of values",
    "sum": "bucket sum",
}


def plot_feature(part: Function, *, is_population: bool = False) -> str:
    """The model_feature text of a part; the quotes belong to it."""
    name = _PLOT_NAMES[part.feature]
    if part.feature == "count" and part.empty is Empty.IGNORED:
        name = "non-zero " + name
    return f"'{name} by person{' and attribute' if is_population else ''}'"
