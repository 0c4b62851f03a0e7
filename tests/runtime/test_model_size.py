"""What is told about the size of a model, and when."""

import pytest

from proxy.runtime.model_size import is_worth_reporting, memory_message

MB = 2**20


def size(model_bytes: int, status: str = "ok") -> dict[str, object]:
    return {"model_bytes": model_bytes, "memory_status": status, "model_bytes_memory_limit": 10 * MB,
            "model_bytes_exceeded": max(0, model_bytes - 10 * MB)}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, size(0), False),
        (None, size(1), True),
        (size(1000), size(1050), False),
        (size(1000), size(1051), True),
        (size(1000), size(1000, "soft_limit"), True),
    ],
)
def test_a_size_is_reported_when_it_changed_by_more_than_a_twentieth(before, now, expected: bool) -> None:
    assert is_worth_reporting(before, now) is expected


def test_an_unchanged_status_says_nothing() -> None:
    assert memory_message(None, size(1)) is None
    assert memory_message(size(9 * MB, "soft_limit"), size(9 * MB, "soft_limit")) is None


def test_the_hard_limit_is_an_error_with_sizes() -> None:
    level, text = memory_message(size(9 * MB, "soft_limit"), size(11 * MB, "hard_limit"))
    assert level == "error"
    assert text == (
        "Job memory status changed to hard_limit; job exceeded model memory limit 10mb by 1mb. "
        "Adjust the analysis_limits.model_memory_limit setting to ensure all data is analyzed"
    )


def test_the_soft_limit_is_a_warning() -> None:
    text = "Job memory status changed to soft_limit; memory pruning will now be more aggressive"
    assert memory_message(size(1), size(7 * MB, "soft_limit")) == ("warning", text)
