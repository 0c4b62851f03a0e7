"""Which indices messages may be written to with Lanewatch's own rights."""

from __future__ import annotations

import pytest

from proxy.alerting.connectors.index import is_refused
from proxy.config_loading import load_config
from proxy.store.names import Names

NAMES = Names(load_config(environ={}).indices)


@pytest.mark.parametrize(
    "index",
    [
        "lanewatch-config", "lanewatch-config-documents", "lanewatch-config-lease", "lanewatch-journal",
        "lanewatch-journal-write", "lanewatch-alerting", "lanewatch-alerts", "lanewatch-alerts-000001",
        "lanewatch-deliveries", ".ml-anomalies-shared", ".ml-state-write", ".kibana",
    ],
)  # fmt: skip
def test_what_is_ours_or_begins_with_a_dot_is_refused(index: str) -> None:
    assert is_refused(index, NAMES)


@pytest.mark.parametrize("index", ["alert-history", "lanewatch", ".ds-alerts-2026.01.01-000001"])
def test_others_are_not(index: str) -> None:
    assert not is_refused(index, NAMES)
