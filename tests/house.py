"""What the tests of the house's rules look at: its files, and what is written in them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PROXY = TOP / "proxy"
SOURCES = sorted(PROXY.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Read once for all rules."""
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """The first name below `proxy`: the part of the house that a file belongs to."""
    return path.relative_to(PROXY).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            # `from proxy import errors` names a part only in what it imports.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of the house's own files")
    return [TOP / name for name in listed.stdout.split("\0") if name and (TOP / name).is_file()]
