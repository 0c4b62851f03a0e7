"""The table of scenarios: complete, and honest about what failed or was not tried."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.table import lines, outcome

TESTS = Path(__file__).parent.parent


@dataclass
class Report:
    """What the table reads of pytest's own."""

    outcome: str
    nodeid: str = "tests/test_x.py::test_it"
    user_properties: list[tuple[str, object]] = field(default_factory=list)


def marked(path: Path) -> Iterator[tuple[int, bool]]:
    """The numbers of the scenarios that a file shows, and whether it does in every run of the tests."""
    tree = ast.parse(path.read_text())
    is_long = "pytest.mark.faults" in path.read_text()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.scenario":
            yield from ((argument.value, not is_long) for argument in node.args if isinstance(argument, ast.Constant))


def test_every_scenario_has_a_test_in_every_run_and_no_test_another_number():
    found = [each for path in TESTS.rglob("test_*.py") for each in marked(path)]
    assert {number for number, is_short in found if is_short} == set(SCENARIOS) == set(range(1, 20))
    assert {number for number, _ in found} == set(SCENARIOS)


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], "NOT TRIED"),
        (["passed", "passed"], "as expected (2 tests)"),
        (["passed", "skipped"], "as expected (1 tests), skipped: test_it"),
        (["skipped"], "NOT TRIED, skipped: test_it"),
        (["passed", "failed"], "NOT AS EXPECTED: test_it"),
    ],
)
def test_the_outcome_is_as_bad_as_the_worst(outcomes, said):
    assert outcome([Report(each) for each in outcomes]) == said


def test_the_table_has_a_row_for_each_scenario_with_figures():
    report = Report("passed", user_properties=[("scenario", 3), ("figures", "600 s away")])
    text = "\n".join(lines({3: [report]}))
    rows = [line for line in text.splitlines() if line[:2].strip()]
    assert len(rows) == len(SCENARIOS)
    assert "    600 s away\n" in text
