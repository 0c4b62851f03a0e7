"""What is told where several datafeeds cannot be stopped; the other texts are shown by the scenarios of datafeeds."""

from __future__ import annotations

from proxy.errors import status_error
from proxy.job_config.datafeed_errors import not_all_stopped


def test_all_failures_are_told_and_the_last_is_the_cause():
    error = not_all_stopped("feed-*", [status_error("first", 409), status_error("second", 503)])
    body = error.body()["error"]
    assert body["reason"] == (
        "Failed to stop datafeed [feed-*] with [2] failures, rethrowing last, all Exceptions: [first, second]"
    )
    assert body["caused_by"]["reason"] == "second"
