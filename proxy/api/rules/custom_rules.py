"""Rules of a detector's `custom_rules`."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document, refused
from proxy.job_config import types
from proxy.job_config.detector import split_fields
from proxy.job_config.functions import DEFAULT_FUNCTION, FUNCTIONS


def has_scope_or_condition(rule: Document) -> Iterator[Breach]:
    if not rule.get("scope") and not rule.get("conditions"):
        yield refused("Invalid detector rule: at least scope or a condition is required")


def conditions_fit_function(rule: Document, detector: Document) -> Iterator[Breach]:
    """Some functions have no values to compare; as in Elasticsearch, only the first condition is looked at."""
    function = detector.get("function") or DEFAULT_FUNCTION
    first = next(iter(rule.get("conditions") or ()), None)
    if first and first["applies_to"] != "time" and not FUNCTIONS[function].rules_see_values:
        yield refused(f"Invalid detector rule: function {function} only supports conditions that apply to time")


def scope_fits_detector(rule: Document, detector: Document) -> Iterator[Breach]:
    available = sorted(set(split_fields(types.detector(detector))))
    for name in rule.get("scope") or ():
        if name in available:
            continue
        lead = f"Invalid detector rule: scope field '{name}' is invalid"
        if available:
            yield refused(f"{lead}; select from [{', '.join(available)}]")
        else:
            yield refused(f"{lead}; detector has no available fields for scoping")


def while_reading(detector: Document) -> Iterator[Breach]:
    """What stops the reading of a detector at one of its rules."""
    for index, rule in enumerate(detector.get("custom_rules") or ()):
        for breach in has_scope_or_condition(rule):
            yield breach.under("custom_rules", index)


def within_detector(detector: Document) -> Iterator[Breach]:
    """Whether the rules fit the detector, known once all of it has been read."""
    for rule in detector.get("custom_rules") or ():
        yield from conditions_fit_function(rule, detector)
        yield from scope_fits_detector(rule, detector)
