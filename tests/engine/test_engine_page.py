"""docs/engine.md says of every constant what the code says, and names a test that is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import proxy.engine

TOP = Path(__file__).parent.parent.parent
PAGE = TOP / "docs" / "engine.md"
ROWS = re.findall(r"^\| `(\w+)` \| (-?[\d.e-]+) \| .* \| `(test_\w+\.py)` \|$", PAGE.read_text(), re.MULTILINE)
MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(proxy.engine.__path__, "proxy.engine.")
    if not found.ispkg
]


def test_the_page_has_its_tables():
    assert len(ROWS) >= 60
    assert len({name for name, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("name", "value", "test"), ROWS)
def test_a_constant_of_the_page_is_that_of_the_code(name, value, test):
    values = {float(vars(module)[name]) for module in MODULES if isinstance(vars(module).get(name), int | float)}
    assert float(value) in values
    assert (TOP / "tests" / "engine" / test).is_file()
