"""The page that names the test of each fault names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)(?:\[[^`]*\])?`", (TESTS.parent / "docs" / "held.md").read_text())


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_the_tests_are_there(path: str) -> None:
    tree = ast.parse((TESTS / path).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {name for file, name in NAMED if file == path} <= defined
