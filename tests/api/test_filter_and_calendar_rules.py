"""What a filter may hold, and how moments of events are told: pure rules."""

from __future__ import annotations

import pytest

from proxy.api.rules.calendars import check_calendar_id
from proxy.api.rules.filters import filter_breaches, removed_items_exist
from proxy.errors import MlError
from proxy.store import filter_of


def texts(breaches) -> list[str]:
    return [breach.error.reason for breach in breaches]


def test_a_filter_holds_ten_thousand_items_each_counted_once():
    items = [f"host-{number}" for number in range(10_000)]
    assert texts(filter_breaches("many", len(filter_of("many", items * 2, None).items))) == []
    assert texts(filter_breaches("many", len({*items, "one more"}))) == [
        "Filter [many] contains too many items; up to [10,000] items are allowed"
    ]


def test_items_are_in_the_order_of_utf_16():
    smiley, ligature = "\U0001f600", "\ufb01"  # by code points it would be the other way round
    assert filter_of("f", [ligature, smiley, "b", "B", "a", "b"], None).items == ("B", "a", "b", smiley, ligature)


def test_an_item_is_removed_once():
    assert texts(removed_items_exist("f", ["a", "b"], ["b", "a"])) == []
    assert texts(removed_items_exist("f", ["a"], ["a", "a"])) == [
        "Cannot remove item [a] as it is not present in filter [f]"
    ]


@pytest.mark.parametrize(
    ("calendar_id", "faults"),
    [
        ("a" * 65, f"1: Invalid calendar_id; '{'a' * 65}' cannot contain more than 64 characters.;"),
        (
            "Sales-",
            "1: Invalid calendar_id; 'Sales-' can contain lowercase alphanumeric (a-z and 0-9), hyphens or "
            "underscores; must start and end with alphanumeric;",
        ),
    ],
)
def test_all_that_is_wrong_with_the_id_of_a_calendar_is_told(calendar_id, faults):
    check_calendar_id("a" * 64)
    with pytest.raises(MlError) as refused:
        check_calendar_id(calendar_id)
    assert (refused.value.status, refused.value.reason) == (400, f"Validation Failed: {faults}")
