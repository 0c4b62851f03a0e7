"""Rules of filters: their ids, how many items there may be, and which of them can be removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy.api.rules.breach import Breach, refused
from proxy.api.rules.identifiers import invalid_id_text, is_valid_id
from proxy.units import thousands

_MAX_ITEMS = 10_000


def filter_breaches(filter_id: str, items: int) -> Iterator[Breach]:
    """What is wrong with a filter of so many items, each counted once."""
    if not is_valid_id(filter_id):
        yield refused(invalid_id_text("filter_id", filter_id))
    if items > _MAX_ITEMS:
        yield refused(
            f"Filter [{filter_id}] contains too many items; up to [{thousands(_MAX_ITEMS)}] items are allowed"
        )


def removed_items_exist(filter_id: str, items: Sequence[str], removed: Sequence[str]) -> Iterator[Breach]:
    """An item that is not there, or is removed twice, was misspelt."""
    left = set(items)
    for item in removed:
        if item not in left:
            yield refused(f"Cannot remove item [{item}] as it is not present in filter [{filter_id}]")
        left.discard(item)
