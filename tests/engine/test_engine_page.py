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


# Units, sizes, numbers of views and of predictors, and what only keeps arithmetic finite.
PLAIN = {"DAY", "WEEK", "DAY_BINS", "FIRST_SHARE", "TINY", "NOTHING_TYPICAL", "FEATURES", "PREDICTORS"}
NUMBERS = {
    "BY_ALL",
    "BY_STEADY",
    "RESIDUAL",
    "SHORT_SUM",
    "LONG_SUM",
    "VOLATILITY",
    "LEVEL",
    "WITH_DAY",
    "WITH_WEEK",
    "STRENGTHENED",
}


def test_every_constant_of_the_models_is_on_the_page():
    models = [m for m in MODULES if m.__name__.startswith(("proxy.engine.models.", "proxy.engine.modes"))]
    numbers = {
        name
        for module in models
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int | float)
    }
    assert numbers - {name for name, _, _ in ROWS} <= PLAIN | NUMBERS | {"TRACKED_WEEK", "TRACKED_DAY", "STEADY"}


@pytest.mark.parametrize(("name", "value", "test"), ROWS)
def test_a_constant_of_the_page_is_that_of_the_code(name, value, test):
    values = {float(vars(module)[name]) for module in MODULES if isinstance(vars(module).get(name), int | float)}
    assert float(value) in values
    assert (TOP / "tests" / "engine" / test).is_file()
