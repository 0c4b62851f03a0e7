"""Prints, at the end of ``make test-faults``, what came of each of the ``scenarios``, with the figures of its tests.

A test tells a figure by ``record_property("figures", text)``. The table is printed where the scenarios were asked for
by their mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tests.faults.scenarios import SCENARIOS

_NUMBER, _FIGURES = "scenario", "figures"
_WIDTH = 76

_reports: dict[int, list[pytest.TestReport]] = {}


def pytest_itemcollected(item: pytest.Item) -> None:
    for mark in item.iter_markers("scenario"):
        item.user_properties.extend((_NUMBER, number) for number in mark.args)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        for name, value in report.user_properties:
            if name == _NUMBER:
                _reports.setdefault(int(str(value)), []).append(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _NUMBER not in str(config.option.markexpr).split():
        return
    terminalreporter.write_sep("=", "what came of the scenarios of failure and attack")
    for line in lines(_reports):
        terminalreporter.write_line(line)


def lines(reports: dict[int, list[pytest.TestReport]]) -> Iterator[str]:
    """The rows of the table, each of several lines."""
    for number, scenario in SCENARIOS.items():
        found = reports.get(number, [])
        yield f"{number:>2}  {scenario.title:<{_WIDTH}} {outcome(found)}"
        yield f"    expected: {scenario.expected}"
        yield from (f"    {figure}" for figure in figures(found))


def outcome(reports: Iterable[pytest.TestReport]) -> str:
    by_outcome: dict[str, list[str]] = {}
    for report in reports:
        by_outcome.setdefault(report.outcome, []).append(report.nodeid.rpartition("::")[2])
    if failed := by_outcome.get("failed"):
        return f"NOT AS EXPECTED: {', '.join(failed)}"
    passed, skipped = len(by_outcome.get("passed", ())), by_outcome.get("skipped", [])
    said = f"as expected ({passed} tests)" if passed else "NOT TRIED"
    return f"{said}, skipped: {', '.join(skipped)}" if skipped else said


def figures(reports: Iterable[pytest.TestReport]) -> list[str]:
    return [str(value) for report in reports for name, value in report.user_properties if name == _FIGURES]
