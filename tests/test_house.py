"""The rules of this repository that can be measured: sets that must agree, sizes, manners. Walls have a file beside."""

import ast
import inspect
import re
import statistics
from collections import Counter

from proxy.api.routes import OPERATIONS
from proxy.contract_kit.scenario import written_in
from proxy.schemas import shipped_schemas
from tests.house import PROXY, SOURCES, TOP, functions_of, module_name, tree_of

LINES_PER_FILE_MEDIAN = 150
LINES_PER_FILE_MAX = 500
LINES_PER_FUNCTION_P90 = 40
POSITIONAL_PARAMETERS_MAX = 5


# Sets: what stands in one list stands in all.


def test_every_operation_has_a_schema_and_every_schema_an_operation():
    names = [operation.name for operation in OPERATIONS]
    files = [path.stem for path in (TOP / "schemas").glob("*.json") if not path.stem.startswith("_")]
    assert sorted(names) == sorted(files)


def test_every_operation_has_an_action():
    actions = {operation.name: shipped_schemas().action(operation.name) for operation in OPERATIONS}
    shared = {
        "cluster:monitor/xpack/ml/job/stats/get",  # the cat tables show what the statistics say
        "cluster:monitor/xpack/ml/datafeeds/stats/get",
        "cluster:admin/xpack/ml/calendars/jobs/update",  # jobs are put into a calendar and taken out of it
    }
    assert [name for name, action in actions.items() if not action.startswith("cluster:")] == []
    assert {action for action, count in Counter(actions.values()).items() if count > 1} == shared


def test_no_handler_is_without_an_operation():
    written = {
        f"{module_name(path)}.{function.name}"
        for path in (PROXY / "api" / "handlers").glob("*.py")
        for function in functions_of(path)
        if [argument.arg for argument in function.args.args] == ["call", "services"] and function.name[0] != "_"
    }
    used = {f"{operation.handler.__module__}.{operation.handler.__name__}" for operation in OPERATIONS}
    assert written == used


def test_every_operation_is_shown_by_a_scenario_and_every_scenario_shows_one():
    shown: set[str] = set()
    for path in (PROXY / "contract_kit" / "scenarios").rglob("*.yaml"):
        named = written_in(path)["operation"]
        shown.update([named] if isinstance(named, str) else named)
    assert shown == {operation.name for operation in OPERATIONS}


def test_the_readme_lists_every_operation_and_no_other():
    _, _, table = (TOP / "README.md").read_text().partition("## What is there")
    listed = re.findall(r"`((?:ml|cat|alerting|actions)\.\w+)`", table)
    assert sorted(listed) == sorted(operation.name for operation in OPERATIONS)


def test_every_setting_is_read_somewhere():
    section = re.compile(r"class (\w+)Config:\n((?:    \w+: .*\n)+)")
    settings = {
        line.split(":")[0].strip()
        for match in section.finditer((PROXY / "config.py").read_text())
        for line in match[2].splitlines()
    }
    read = {
        node.attr
        for path in SOURCES
        if path.name not in ("config.py", "config_loading.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
    }
    assert settings - read == set()


# Sizes: a file is a room with one noun.


def test_no_file_is_a_hall():
    lines = {module_name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > LINES_PER_FILE_MAX} == {}
    assert statistics.median(lines.values()) < LINES_PER_FILE_MEDIAN


def test_most_functions_are_seen_at_a_glance():
    lengths = sorted(function.end_lineno - function.lineno + 1 for path in SOURCES for function in functions_of(path))
    assert lengths[len(lengths) * 9 // 10] < LINES_PER_FUNCTION_P90


def test_calls_can_be_read_without_counting_arguments():
    crowded = [
        f"{module_name(path)}.{function.name}"
        for path in SOURCES
        for function in functions_of(path)
        if len([a for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")])
        > POSITIONAL_PARAMETERS_MAX
    ]
    assert crowded == []


# Manners.


def test_every_module_says_what_lives_in_it():
    silent = [module_name(path) for path in SOURCES if not ast.get_docstring(tree_of(path))]
    assert silent == []


def test_no_error_is_swallowed_whole():
    swallowed = [
        f"{module_name(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert swallowed == []


def test_handlers_hold_decisions_and_not_plumbing():
    long = {
        operation.name: lines
        for operation in OPERATIONS
        if (lines := len(inspect.getsource(operation.handler).splitlines())) > LINES_PER_FUNCTION_P90
    }
    assert long == {}
