"""`analysis_limits`: how a model memory limit is read, lowered to the cluster's maximum, and echoed."""

from __future__ import annotations

from proxy.job_config.types import AnalysisLimits, Document
from proxy.units import parse_bytes

MEBIBYTE = 1 << 20
DEFAULT_LIMIT_MB = 1024
DEFAULT_EXAMPLES_LIMIT = 4


def megabytes(limit: str | int | float) -> int:
    """Whole MiB of a number (MiB) or a byte size; raises the error of Elasticsearch's setting parser."""
    if isinstance(limit, (int, float)):
        return int(limit)
    return int(parse_bytes(limit, "model_memory_limit") / MEBIBYTE)


def default_megabytes(max_bytes: int | None) -> int:
    """1 GiB, or the maximum of the cluster where that is lower."""
    if not max_bytes:
        return DEFAULT_LIMIT_MB
    return min(DEFAULT_LIMIT_MB, max_bytes // MEBIBYTE)


def normalise(limits: AnalysisLimits | None, max_bytes: int | None) -> Document:
    """Both limits, with the default for the one that is not given."""
    given = limits or AnalysisLimits()
    limit = given.get("model_memory_limit")
    limit_mb = default_megabytes(max_bytes) if limit is None else megabytes(limit)
    examples = given.get("categorization_examples_limit")
    return {
        "model_memory_limit": f"{limit_mb}mb",
        "categorization_examples_limit": DEFAULT_EXAMPLES_LIMIT if examples is None else examples,
    }


def limit_bytes(limits: AnalysisLimits) -> int:
    """The limit of a job in bytes, not rounded; 1 GiB where none is given."""
    limit = limits.get("model_memory_limit")
    if limit is None:
        return DEFAULT_LIMIT_MB * MEBIBYTE
    if isinstance(limit, (int, float)):
        return int(limit * MEBIBYTE)
    return parse_bytes(limit, "model_memory_limit")
