"""What `_preview` may be given: a stored datafeed's id, or configurations, but not both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.api.rules.breach import Document
from proxy.api.rules.datafeed_start import time_ms
from proxy.errors import MlError, illegal_argument, validation_failed


def check_sources(datafeed_id: str | None, body: Document | None) -> None:
    """Whether it is clear what to preview.

    Raises:
        MlError: 400 where it is not.
    """
    feed, job = (body or {}).get("datafeed_config"), (body or {}).get("job_config")
    if datafeed_id is not None:
        if feed is not None or job is not None:
            text = "[datafeed_id] cannot be supplied when either [job_config] or [datafeed_config] is present"
            raise illegal_argument(text)
        return
    embedded = None if job is None else job.get("datafeed_config")
    if job is None and (feed is None or feed.get("job_id") is None):
        raise illegal_argument("[datafeed_config.job_id] must be set or a [job_config] must be provided")
    if job is not None and feed is None and embedded is None:
        text = "[datafeed_config] must be present when a [job_config.datafeed_config] is not present"
        raise illegal_argument(text)
    if feed is not None and embedded is not None:
        text = "[datafeed_config] must not be present when a [job_config.datafeed_config] is present"
        raise illegal_argument(text)


def range_ms(options: Mapping[str, Any], now_ms: int) -> tuple[int | None, int | None]:
    """The range to preview, open where nothing is given.

    Raises:
        MlError: 400 for what is not a time, or an end that is not after the start.
    """
    start_ms, end_ms = (time_ms(name, options.get(name), now_ms) for name in ("start", "end"))
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise _ends_before_it_starts(start_ms, end_ms)
    return start_ms, end_ms


def _ends_before_it_starts(start_ms: int, end_ms: int) -> MlError:
    return validation_failed(f"start [{start_ms}] must be earlier than end [{end_ms}]")
