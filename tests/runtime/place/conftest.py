"""What tests of places share, wherever those are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.config import Config, Seconds

TIMEOUT_S = 3.0


@pytest.fixture
def impatient(config: Config) -> Config:
    """Settings by which a step without a sign of progress ends soon."""
    return replace(config, runtime=replace(config.runtime, step_timeout=Seconds(TIMEOUT_S)))
