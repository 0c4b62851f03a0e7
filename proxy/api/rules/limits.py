"""Rules of the smaller objects of a job: `analysis_limits`, `data_description`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document, refused
from proxy.errors import MlError, illegal_argument
from proxy.job_config.memory_limit import MEBIBYTE, megabytes
from proxy.runtime.time_format import compile_pattern
from proxy.units import format_bytes

# Of a format of times; compiling it takes time that grows with its length.
_MOST_CHARACTERS = 1000
_EPOCH_FORMATS = ("epoch", "epoch_ms")


def memory_limit_is_readable(limits: Document) -> Iterator[Breach]:
    if limits.get("model_memory_limit") is not None:
        try:
            megabytes(limits["model_memory_limit"])
        except MlError as error:
            yield Breach(error, ("model_memory_limit",), "value")


def memory_limit_is_at_least_one(limits: Document) -> Iterator[Breach]:
    if limits.get("model_memory_limit") is not None:
        limit_mb = megabytes(limits["model_memory_limit"])
        if limit_mb < 1:
            yield refused(f"model_memory_limit must be at least 1 MiB. Value = {limit_mb}")


def examples_limit_is_not_negative(limits: Document) -> Iterator[Breach]:
    limit = limits.get("categorization_examples_limit")
    if limit is not None and limit < 0:
        yield Breach(illegal_argument(f"categorization_examples_limit cannot be less than 0. Value = {limit}"))


ANALYSIS_LIMITS = (memory_limit_is_readable, memory_limit_is_at_least_one, examples_limit_is_not_negative)


def memory_limit_is_within_maximum(limits: Document, max_bytes: int | None) -> Iterator[Breach]:
    """Asked by the server once the body is read: equal is allowed."""
    limit = limits.get("model_memory_limit")
    if limit is None or not max_bytes:
        return
    limit_bytes = megabytes(limit) * MEBIBYTE
    if limit_bytes > max_bytes:
        yield refused(
            f"model_memory_limit [{format_bytes(limit_bytes)}] must be less than the value of the "
            f"xpack.ml.max_model_memory_limit setting [{format_bytes(max_bytes)}]"
        )


def time_format_gives_a_timestamp(description: Document) -> Iterator[Breach]:
    pattern = description.get("time_format")
    if pattern is None or pattern in _EPOCH_FORMATS:
        return
    try:
        if len(pattern) > _MOST_CHARACTERS:
            raise ValueError(f"it has [{len(pattern)}] characters")
        compile_pattern(pattern)
    except (ValueError, re.error, OverflowError):
        yield Breach(refused(f"Invalid Time format string '{pattern}'").error, ("time_format",), "value")


DATA_DESCRIPTION = (time_format_gives_a_timestamp,)
