"""One detector of a job: its normal form, and the description that it gets when the user gives none."""

from __future__ import annotations

import re

from proxy.job_config import key_order
from proxy.job_config.functions import DEFAULT_FUNCTION, LONG_NAMES
from proxy.job_config.types import CustomRule, Detector, Document

FIELD_KEYS = ("by_field_name", "over_field_name", "partition_field_name")
CATEGORY_FIELD = "mlcategory"
DEFAULT_ACTIONS = ["skip_result"]
_NON_WORD = re.compile(r"\W", re.ASCII)


def normalise(detector: Detector, index: int) -> Document:
    """The stored and echoed form; `detector_index` is the position, whatever the request said."""
    function = detector.get("function") or DEFAULT_FUNCTION
    echoed: Document = dict(detector) | {"function": LONG_NAMES.get(str(function), function), "detector_index": index}
    for key in ("field_name", *FIELD_KEYS):
        if echoed.get(key) == "":
            del echoed[key]
    if not echoed.get("use_null"):
        echoed.pop("use_null", None)
    if echoed.get("exclude_frequent"):
        echoed["exclude_frequent"] = str(echoed["exclude_frequent"]).lower()
    echoed["custom_rules"] = [normalise_rule(rule) for rule in detector.get("custom_rules") or ()] or None
    echoed["detector_description"] = detector.get("detector_description") or describe(echoed)
    return key_order.ordered(echoed, key_order.DETECTOR)


def normalise_rule(rule: CustomRule) -> Document:
    """A custom rule with its defaults written out; empty scopes and conditions are left out."""
    echoed: Document = {"actions": list(rule.get("actions") or DEFAULT_ACTIONS)}
    if rule.get("scope"):
        echoed["scope"] = {
            name: {"filter_id": ref["filter_id"], "filter_type": ref.get("filter_type", "include")}
            for name, ref in rule["scope"].items()
        }
    if rule.get("conditions"):
        echoed["conditions"] = [
            {
                "applies_to": condition["applies_to"],
                "operator": condition["operator"],
                "value": float(condition["value"]),
            }
            for condition in rule["conditions"]
        ]
    if rule.get("params"):
        echoed["params"] = rule["params"]
    return echoed


def describe(detector: Document) -> str:
    """For instance ``mean(responsetime) by airline`` or ``count over "user.name" partitionfield=host``."""
    parts = [str(detector["function"])]
    if detector.get("field_name"):
        parts.append(f"({_quoted(detector['field_name'])})")
    for lead, key in ((" by ", "by_field_name"), (" over ", "over_field_name")):
        if detector.get(key):
            parts.append(lead + _quoted(detector[key]))
    if detector.get("use_null"):
        parts.append(" usenull=true")
    if detector.get("partition_field_name"):
        parts.append(" partitionfield=" + _quoted(detector["partition_field_name"]))
    if detector.get("exclude_frequent"):
        parts.append(f" excludefrequent={detector['exclude_frequent']}")
    return "".join(parts)


def _quoted(name: object) -> str:
    text = str(name)
    if not _NON_WORD.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def split_fields(detector: Detector) -> list[str]:
    """The by, over and partition fields that the detector has, in this order."""
    named = (detector.get("by_field_name"), detector.get("over_field_name"), detector.get("partition_field_name"))
    return [name for name in named if name]
