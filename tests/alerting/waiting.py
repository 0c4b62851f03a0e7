"""Waiting for what alerting does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(check: Callable[[], Any], wanted: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while (found := check()) != wanted and time.monotonic() < end:
        time.sleep(0.1)
    assert found == wanted
