"""The rules of the texts in this repository: what is named, linked and listed, and in which words."""

from __future__ import annotations

import re
from pathlib import Path

from proxy import __version__
from tests.house import SOURCES, TOP, module_name, tracked_files


def test_nothing_is_left_to_do_in_the_text_of_the_house():
    marks = re.compile("TO" + "DO|FIX" + "ME")
    assert [path.name for path in tracked_files() if path.suffix == ".py" and marks.search(path.read_text())] == []


def test_no_registry_is_named():
    # Spelt in pieces, or this file would be the first to break its rule.
    names = ("repo1?[.]ma" + "ven", "central[.]sona" + "type", "pyp" + "i[.](?:org|python)", "python" + "hosted",
             "registry[.]np" + "mjs")  # fmt: skip
    hosts = re.compile(f"(?:{'|'.join(names)})", re.IGNORECASE)
    texts = {".py", ".toml", ".md", ".yaml", ".json", ".sh", ".cfg", ""}
    named = [
        path.relative_to(TOP).as_posix()
        for path in tracked_files()
        if path.suffix in texts and path != Path(__file__) and hosts.search(path.read_text(errors="replace"))
    ]
    assert named == []


def test_what_functions_take_and_raise_is_written_in_one_dialect():
    fields = re.compile(r"^\s*:(?:param|raises?|returns?|type)\b", re.MULTILINE)
    assert [module_name(path) for path in SOURCES if fields.search(path.read_text())] == []


def test_every_exemption_from_lint_has_its_reason_beside_it():
    text = (TOP / "pyproject.toml").read_text().partition("[tool.ruff.lint]")[2].partition("\n[tool.mypy")[0]
    rules = re.compile(r'^(?=.*"[A-Z]+\d*")(?!select).*$', re.MULTILINE)
    assert [line for line in rules.findall(text) if not re.search(r" # \w+", line)] == []


def test_every_file_that_a_page_links_to_is_there():
    link = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
    missing = {
        (page.relative_to(TOP).as_posix(), target)
        for page in tracked_files()
        if page.suffix == ".md"
        for target in link.findall(page.read_text())
        if not (page.parent / target).exists()
    }
    assert missing == set()


def test_the_readme_leads_to_every_page():
    linked = set(re.findall(r"\]\(([^)]+\.md)\)", (TOP / "README.md").read_text()))
    pages = {path.name for path in TOP.glob("*.md")} - {"README.md"}
    assert (pages | {f"docs/{path.name}" for path in (TOP / "docs").glob("*.md")}) - linked == set()


def test_the_index_of_decisions_names_each_once():
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1\.md\)", (TOP / "docs/decisions/README.md").read_text(), re.MULTILINE)
    pages = {path.stem for path in (TOP / "docs/decisions").glob("*.md")} - {"README"}
    assert listed == sorted(pages)


def test_every_decision_has_its_context_and_its_consequences():
    wanted = ["## Context", "## Decision", "## Consequences"]
    lacking = [
        path.name
        for path in (TOP / "docs/decisions").glob("*.md")
        if path.name != "README.md" and re.findall(r"^## .*$", path.read_text(), re.MULTILINE) != wanted
    ]
    assert lacking == []


def test_the_changelog_has_an_entry_for_the_current_version():
    entries = re.findall(r"^## \[([^\]]+)\]", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0] in ("Unreleased", __version__)
    assert __version__ in entries


def test_the_glossary_is_in_order_of_the_alphabet_and_explains_every_term():
    terms = re.findall(r"^\*\*(.+?)\*\*: (\S.*)$", (TOP / "docs/glossary.md").read_text(), re.MULTILINE)
    names = [term.lower() for term, _ in terms]
    assert names == sorted(set(names))
    assert [term for term, text in terms if not text.endswith(".")] == []
