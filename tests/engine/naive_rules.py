"""Custom rules and calendar events, one row at a time: the slow twin of proxy.engine.rules."""

from __future__ import annotations


def item_matches(item: str, value: str) -> bool:
    """A filter item with a leading and/or trailing star against one value."""
    if item == "*":
        return True
    if item.startswith("*") and item.endswith("*"):
        return item[1:-1] in value
    if item.startswith("*"):
        return value.endswith(item[1:])
    if item.endswith("*"):
        return value.startswith(item[:-1])
    return item == value


def condition_holds(condition: dict, actual: float, typical: float, time_s: float) -> bool:
    """One comparison."""
    left = {
        "actual": actual,
        "typical": typical,
        "diff_from_typical": abs(actual - typical),
        "time": time_s,
    }[condition["applies_to"]]
    right = condition["value"]
    if condition["operator"] == "gt":
        return left > right
    if condition["operator"] == "gte":
        return left >= right
    if condition["operator"] == "lt":
        return left < right
    return left <= right


def rule_applies(rule, filters, row_keys, actual, typical, time_s) -> bool:
    """row_keys: field -> value or None."""
    for name, reference in rule.get("scope", {}).items():
        value = row_keys.get(name)
        items = filters.get(reference["filter_id"], [])
        is_listed = value is not None and any(item_matches(item, value) for item in items)
        if is_listed != (reference.get("filter_type", "include") == "include"):
            return False
    return all(condition_holds(condition, actual, typical, time_s) for condition in rule.get("conditions", []))


def row_effect(rules, filters, row_keys, actual, typical, time_s):
    """(skip_result, skip_model_update, shift_rule, time_shift_s) of one row."""
    skip_result = skip_update = False
    shift_rule, shift = -1, 0
    for number, rule in enumerate(rules):
        if not rule_applies(rule, filters, row_keys, actual, typical, time_s):
            continue
        actions = rule.get("actions", ["skip_result"])
        skip_result = skip_result or "skip_result" in actions
        skip_update = skip_update or "skip_model_update" in actions
        if "force_time_shift" in actions and shift_rule == -1:
            amount = rule["params"]["force_time_shift"]["time_shift_amount"]
            if amount:
                shift_rule, shift = number, amount
    return skip_result, skip_update, shift_rule, shift


def event_covers(event: dict, bucket_start_s: int, span_s: int) -> bool:
    """An event covers a bucket when the two overlap."""
    bucket_ms, span_ms = bucket_start_s * 1000, span_s * 1000
    return event["start_time"] < bucket_ms + span_ms and event["end_time"] > bucket_ms
