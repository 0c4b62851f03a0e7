"""The page's pure modules, its types and the libraries that it carries."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent
UI = TOP / "proxy" / "ui"
VENDOR = UI / "vendor"
NODE_MODULES = TOP / "node_modules"
SHIPPED_BYTES = 350_000
SLACK = 2  # as of the budgets in test_budgets.py
LINES_PER_MODULE = 320

OWN = sorted(path for path in UI.rglob("*.js") if path.parent != VENDOR)


def locked() -> dict[str, dict[str, object]]:
    return json.loads((TOP / "package-lock.json").read_text())["packages"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_pure_modules_pass_their_own_tests() -> None:
    command = ["node", "--test", *map(str, sorted((TOP / "tests/ui/pure").glob("*.test.js")))]
    ran = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert re.search(r"^# fail 0$", ran.stdout, re.MULTILINE)


@pytest.mark.skipif(not (NODE_MODULES / "typescript").is_dir(), reason="npm has not installed the page's tools")
def test_the_types_of_the_page_hold() -> None:
    ran = subprocess.run(["npm", "run", "--silent", "check"], cwd=TOP, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout


def test_the_libraries_are_those_of_the_lock() -> None:
    carried = json.loads((VENDOR / "versions.json").read_text())
    assert carried == {name: locked()[f"node_modules/{name}"]["version"] for name in ("lit-html", "uplot")}


@pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="npm has not installed the page's tools")
@pytest.mark.parametrize(
    ("carried", "original"),
    [
        ("lit-html.js", "lit-html/lit-html.js"),
        ("uplot.js", "uplot/dist/uPlot.iife.min.js"),
        ("uplot.css", "uplot/dist/uPlot.min.css"),
        ("lit-html.LICENSE", "lit-html/LICENSE"),
        ("uplot.LICENSE", "uplot/LICENSE"),
    ],
)
def test_the_libraries_are_carried_byte_for_byte(carried: str, original: str) -> None:
    added = b"export default uPlot;\n" if carried == "uplot.js" else b""
    assert (VENDOR / carried).read_bytes() == (NODE_MODULES / original).read_bytes() + added


def test_the_lock_names_no_address() -> None:
    text = (TOP / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "://" not in text


def test_what_is_shipped_stays_small() -> None:
    shipped = sum(path.stat().st_size for path in UI.rglob("*") if path.suffix in (".js", ".css", ".html"))
    print(f"shipped scripts and styles: {shipped / 1000:.0f} kB of {SHIPPED_BYTES / 1000:.0f} kB")
    assert shipped <= SHIPPED_BYTES * SLACK


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(UI).as_posix())
def test_a_module_is_small_and_says_what_lives_in_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_PER_MODULE
    assert lines[0].startswith("// ")


PURE = {path for path in OWN if path.parent == UI} - {UI / name for name in ("app.js", "api.js", "panel.js")}


@pytest.mark.parametrize("path", sorted(PURE), ids=lambda path: path.name)
def test_a_pure_module_knows_no_document_and_no_network(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"\b(?:document|window|fetch|localStorage)\b[.(]", text) == []
    imported = re.findall(r"^import .* from '(.+)';$", text, re.MULTILINE)
    assert {name for name in imported if not re.fullmatch(r"\./[\w-]+\.js", name)} == set()
