"""The models say of made-up series what they said when figures.json was written: no constant changes unnoticed."""

from __future__ import annotations

import json

import pytest

from tests.engine import figures

KEPT = json.loads(figures.KEPT.read_text())


def test_every_world_is_kept():
    assert set(KEPT) == {*figures.WORLDS, *figures.CROWDS}


@pytest.mark.parametrize("name", [*figures.WORLDS, *figures.CROWDS])
def test_a_world_is_told_as_before(name):
    for number, (line, kept) in enumerate(zip(figures.lines(name), KEPT[name], strict=True)):
        assert line == pytest.approx(kept, rel=1e-6, abs=1e-9), f"buckets from {number * figures.LINE} on"
