"""Pages of listings: where nothing is said they begin at the start and have a hundred entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from proxy.api.rules.paging import page_of
from proxy.store.results.queries import Page


@dataclass
class Asked:
    """The part of a call that says which page is wanted."""

    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        (Asked(), Page(0, 100)),
        (Asked(query={"from": 3}), Page(3, 100)),
        (Asked(body={}), Page(0, 100)),
        (Asked(body={"page": {"size": 7}}), Page(0, 7)),
        (Asked(query={"size": 7}, body={"page": {"from": 2}}), Page(2, 100)),
    ],
)
def test_a_page_has_a_hundred_entries_unless_another_size_is_asked_for(asked, page):
    assert page_of(asked) == page
