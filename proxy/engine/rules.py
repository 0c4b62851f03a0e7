"""Custom rules and calendar events, compiled to masks over the rows of one bucket.

Here: which rows a detector's custom rules and which buckets a job's calendar events touch.
Not here: what skipping means (the bucket step does that), and the checks of a rule's form (the API).

    compile_rules(detector, filters) -> RuleSet
        detector: a detector of the API's analysis_config; filters: filter_id -> items.
        A filter that is missing counts as empty.
    RuleSet.is_empty; RuleSet.has_shifts; RuleSet.needs_values (a condition reads actual or typical)
    RuleSet.masks(keys, actual, typical, time_s) -> RowEffects
        keys: field name -> (codes int[n], values) with code -1 = no value; actual, typical: float[n];
        time_s: bucket start, a scalar or int[n]. NaN never satisfies a condition.
    RowEffects: skip_result bool[n], skip_model_update bool[n], shift_rule int[n] (index of the rule that
        asks for a time shift, -1 = none), time_shift_s int[n]. A rule shifts a row once: the caller
        remembers (row, shift_rule).

    compile_events(events, bucket_span_s) -> EventCalendar
        events: the API's calendar events, times in epoch milliseconds.
    EventCalendar.at(bucket_start_s) -> BucketEffect(skip_result, skip_model_update, descriptions, shifts)
    EventCalendar.masks(bucket_starts_s) -> (skip_result bool[n], skip_model_update bool[n])
        An event covers every bucket it overlaps: [floor(start), ceil(end)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
KeyColumn = tuple[NDArray[np.integer], Sequence[str]]

OPERATORS: dict[str, Callable[[Floats, float], Bools]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True)
class ItemMatcher:
    """The items of one filter, split by where their `*` stands; matching is case-sensitive."""

    whole: frozenset[str]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    infixes: tuple[str, ...]

    @classmethod
    def of(cls, items: Sequence[str]) -> ItemMatcher:
        """Sort the items by shape; `*` alone matches every value."""
        whole, prefixes, suffixes, infixes = set(), [], [], []
        for item in items:
            is_open_left = item.startswith("*")
            is_open_right = item.endswith("*") and len(item) > 1
            if is_open_left and is_open_right:
                infixes.append(item[1:-1])
            elif is_open_left:
                suffixes.append(item[1:])
            elif is_open_right:
                prefixes.append(item[:-1])
            else:
                whole.add(item)
        return cls(frozenset(whole), tuple(prefixes), tuple(suffixes), tuple(infixes))

    def matches(self, value: str) -> bool:
        """True if any item covers the value."""
        return (
            value in self.whole
            or value.startswith(self.prefixes)
            or value.endswith(self.suffixes)
            or any(part in value for part in self.infixes)
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """One scoped field of a rule: applies where the value is (or is not) in the filter."""

    field_name: str
    matcher: ItemMatcher
    is_include: bool

    def mask(self, column: KeyColumn | None, size: int) -> Bools:
        """Rows in scope. A missing value is in no filter."""
        if column is None:
            return np.full(size, not self.is_include)
        codes, values = column
        distinct, inverse = np.unique(codes, return_inverse=True)
        is_listed = [code >= 0 and self.matcher.matches(values[code]) for code in distinct.tolist()]
        is_in_scope: Bools = np.asarray(is_listed, bool) == self.is_include
        return is_in_scope[inverse.reshape(-1)]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a rule, such as actual < 100."""

    applies_to: str
    operator: str
    value: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Scopes and conditions must all hold for the actions to happen."""

    scopes: tuple[Scope, ...]
    conditions: tuple[Condition, ...]
    skips_result: bool
    skips_model_update: bool
    time_shift_s: int

    def mask(self, keys: Mapping[str, KeyColumn], operands: Mapping[str, Floats]) -> Bools:
        """Rows the rule applies to."""
        size = operands["time"].size
        applies = np.ones(size, bool)
        for scope in self.scopes:
            applies &= scope.mask(keys.get(scope.field_name), size)
        for condition in self.conditions:
            compare = OPERATORS[condition.operator]
            applies &= compare(operands[condition.applies_to], condition.value)
        return applies


@dataclass(frozen=True, slots=True)
class RowEffects:
    """What the rules ask for, row by row."""

    skip_result: Bools
    skip_model_update: Bools
    shift_rule: Ints
    time_shift_s: Ints


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The compiled custom rules of one detector."""

    rules: tuple[Rule, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if the detector has no rules."""
        return not self.rules

    @property
    def has_shifts(self) -> bool:
        """True if some rule moves the clock of a model."""
        return any(rule.time_shift_s for rule in self.rules)

    @property
    def needs_values(self) -> bool:
        """True if some condition reads actual or typical, so masks must wait for the model."""
        return any(c.applies_to != "time" for rule in self.rules for c in rule.conditions)

    def masks(
        self,
        keys: Mapping[str, KeyColumn],
        actual: Floats,
        typical: Floats,
        time_s: int | Ints,
    ) -> RowEffects:
        """Apply every rule to every row; the first rule that shifts a row wins the shift."""
        size = len(actual)
        operands = {
            "actual": np.asarray(actual, float),
            "typical": np.asarray(typical, float),
            "diff_from_typical": np.abs(np.asarray(actual, float) - np.asarray(typical, float)),
            "time": np.broadcast_to(np.asarray(time_s, float), (size,)),
        }
        skip_result, skip_update = np.zeros(size, bool), np.zeros(size, bool)
        shift_rule = np.full(size, -1, np.int64)
        shift = np.zeros(size, np.int64)
        for number, rule in enumerate(self.rules):
            applies = rule.mask(keys, operands)
            skip_result |= applies & rule.skips_result
            skip_update |= applies & rule.skips_model_update
            if rule.time_shift_s:
                is_first = applies & (shift_rule < 0)
                shift_rule[is_first] = number
                shift[is_first] = rule.time_shift_s
        return RowEffects(skip_result, skip_update, shift_rule, shift)


def compile_rules(detector: Mapping[str, object], filters: Mapping[str, Sequence[str]]) -> RuleSet:
    """The rules of a detector with the filters they name; a detector without rules gives an empty set."""
    configs = detector.get("custom_rules") or []
    assert isinstance(configs, list | tuple)
    return RuleSet(tuple(_compile_rule(config, filters) for config in configs))


def _compile_rule(config: Mapping[str, Any], filters: Mapping[str, Sequence[str]]) -> Rule:
    scopes = tuple(
        Scope(
            name,
            ItemMatcher.of(filters.get(reference["filter_id"], ())),
            str(reference.get("filter_type", "include")).lower() != "exclude",
        )
        for name, reference in (config.get("scope") or {}).items()
    )
    conditions = tuple(
        Condition(c["applies_to"], c["operator"], float(c["value"])) for c in config.get("conditions") or ()
    )
    actions = config.get("actions") or ["skip_result"]
    shift = (config.get("params") or {}).get("force_time_shift") or {}
    return Rule(
        scopes,
        conditions,
        "skip_result" in actions,
        "skip_model_update" in actions,
        int(shift.get("time_shift_amount", 0)) if "force_time_shift" in actions else 0,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One calendar event, widened to whole buckets; end is exclusive."""

    start_s: int
    end_s: int
    description: str
    skips_result: bool
    skips_model_update: bool
    time_shift_s: int


@dataclass(frozen=True, slots=True)
class BucketEffect:
    """What the calendar asks for in one bucket; shifts = events starting here that move the clock."""

    skip_result: bool
    skip_model_update: bool
    descriptions: tuple[str, ...]
    shifts: tuple[int, ...]


QUIET_BUCKET = BucketEffect(False, False, (), ())


@dataclass(frozen=True, slots=True)
class EventCalendar:
    """All events of a job, sorted by start."""

    events: tuple[Event, ...] = ()
    _starts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def at(self, bucket_start_s: int) -> BucketEffect:
        """The effect on one bucket; descriptions in order of event start."""
        started = int(np.searchsorted(self._starts, bucket_start_s, side="right"))
        active = [event for event in self.events[:started] if bucket_start_s < event.end_s]
        if not active:
            return QUIET_BUCKET
        return BucketEffect(
            any(event.skips_result for event in active),
            any(event.skips_model_update for event in active),
            tuple(event.description for event in active),
            tuple(event.time_shift_s for event in active if event.time_shift_s and event.start_s == bucket_start_s),
        )

    def masks(self, bucket_starts_s: Ints) -> tuple[Bools, Bools]:
        """The two skip masks over many buckets at once."""
        return (
            self._covered(bucket_starts_s, [e for e in self.events if e.skips_result]),
            self._covered(bucket_starts_s, [e for e in self.events if e.skips_model_update]),
        )

    @staticmethod
    def _covered(times_s: Ints, events: Sequence[Event]) -> Bools:
        """A time is covered where more events have started than have ended."""
        starts = np.sort(np.array([event.start_s for event in events], np.int64))
        ends = np.sort(np.array([event.end_s for event in events], np.int64))
        started = np.searchsorted(starts, times_s, side="right")
        return started > np.searchsorted(ends, times_s, side="right")


def compile_events(events: Sequence[Mapping[str, Any]], bucket_span_s: int) -> EventCalendar:
    """Calendar events (epoch milliseconds) widened to the buckets they overlap."""
    span_ms = bucket_span_s * 1000
    compiled = sorted(
        (
            Event(
                int(event["start_time"]) // span_ms * bucket_span_s,
                -(-int(event["end_time"]) // span_ms) * bucket_span_s,
                str(event.get("description", "")),
                bool(event.get("skip_result", True)),
                bool(event.get("skip_model_update", True)),
                int(event.get("force_time_shift") or 0),
            )
            for event in events
        ),
        key=lambda event: (event.start_s, event.description),
    )
    return EventCalendar(tuple(compiled), np.array([event.start_s for event in compiled], np.int64))
