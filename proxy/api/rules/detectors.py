"""Rules of one detector: which fields its function needs and forbids, and how fields may be named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.api.rules import custom_rules
from proxy.api.rules.breach import Breach, Document, breaches, refused
from proxy.job_config.functions import FUNCTIONS, LONG_NAMES

_FORBIDDEN_CHARACTER = re.compile(r'[",\\\x00-\x1f\x7f-\x9f]')
_NAMES_FOR_OURSELVES = ("count", "by", "over")


def _function(detector: Document) -> str:
    """The function as error texts name it: one left out counts as `metric` only after these rules."""
    name = detector.get("function")
    return str(LONG_NAMES.get(name, name)) if name else "null"


def has_a_field_if_needed(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    stands_alone = function is not None and FUNCTIONS[function].stands_alone
    if not stands_alone and not any(detector.get(key) for key in ("field_name", "by_field_name", "over_field_name")):
        yield refused(
            "Unless a count or temporal function is used "
            "one of field_name, by_field_name or over_field_name must be set"
        )


def field_name_is_given(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    if function and FUNCTIONS[function].field == "required" and not detector.get("field_name"):
        yield refused(f"field_name must be set when the '{_function(detector)}' function is used")


def field_name_is_allowed(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    if detector.get("field_name") and (not function or FUNCTIONS[function].field == "forbidden"):
        yield refused(f"field_name cannot be used with function '{_function(detector)}'")


def by_field_is_given(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    if function and FUNCTIONS[function].by == "required" and not detector.get("by_field_name"):
        yield refused(f"by_field_name must be set when the '{_function(detector)}' function is used")


def over_field_is_given(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    if function and FUNCTIONS[function].over == "required" and not detector.get("over_field_name"):
        yield refused(f"over_field_name must be set when the '{_function(detector)}' function is used")


def over_field_is_allowed(detector: Document) -> Iterator[Breach]:
    function = detector.get("function")
    if function and FUNCTIONS[function].over == "forbidden" and detector.get("over_field_name"):
        yield refused(f"over_field_name cannot be used with function '{_function(detector)}'")


def fields_are_well_named(detector: Document) -> Iterator[Breach]:
    for key in ("field_name", "by_field_name", "over_field_name", "partition_field_name"):
        yield from well_named(detector.get(key))


def well_named(name: str | None) -> Iterator[Breach]:
    lead = f"Invalid field name '{name}'. Field names including over, by and partition fields cannot"
    if name and _FORBIDDEN_CHARACTER.search(name):
        yield refused(f'{lead} contain any of these characters: ",\\')
    if name == ".":
        yield refused(f"{lead} be '.'")


def fields_differ(detector: Document) -> Iterator[Breach]:
    pairs = (
        ("partition_field_name", "by_field_name"),
        ("partition_field_name", "over_field_name"),
        ("by_field_name", "over_field_name"),
    )
    for first, second in pairs:
        if detector.get(first) and detector[first] == detector.get(second):
            yield refused(f"{first} and {second} cannot be the same: '{detector[first]}'")


def fields_are_not_keywords(detector: Document) -> Iterator[Breach]:
    for name in _NAMES_FOR_OURSELVES:
        for key in ("by_field_name", "over_field_name"):
            if detector.get(key) == name:
                yield refused(f"'{name}' is not a permitted value for {key}")


RULES = (
    has_a_field_if_needed,
    field_name_is_given,
    field_name_is_allowed,
    by_field_is_given,
    over_field_is_given,
    over_field_is_allowed,
    fields_are_well_named,
    custom_rules.within_detector,
    fields_differ,
    fields_are_not_keywords,
)


def detector_breaches(detector: Document) -> Iterator[Breach]:
    """All that is wrong with a detector, the reading of its rules first."""
    yield from custom_rules.while_reading(detector)
    yield from breaches(RULES, detector)
