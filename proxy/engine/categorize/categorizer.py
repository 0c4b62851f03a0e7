"""The categorizer of a job: partitions, caches, definitions and statistics. See the package's docstring."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.categorize.analyzer import MAX_MESSAGE_CHARS, Analyzer, PartConfig
from proxy.engine.categorize.category import Category
from proxy.engine.categorize.matching import CategorySet
from proxy.engine.categorize.quality import Quality, quality_of
from proxy.engine.spec import CategorizationSpec

NO_CATEGORY = -1
DEFAULT_EXAMPLES_LIMIT = 4
# Messages whose tokens are remembered: pure speed, no effect on results.
MESSAGES_REMEMBERED = 16_384
# Token sequences that keep their category for good: part of the state, so of modest number.
SEQUENCES_REMEMBERED = 4_096
MOST_CATEGORIES = 20_000
# The status is looked at every so many messages.
STATUS_EVERY = 100
_CATEGORY_BYTES, _TOKEN_BYTES = 600, 60
_STORED = ("category_id", "base", "ordered", "longest", "num_matches", "examples", "is_changed", "reported_matches")


@dataclass(slots=True)
class _Partition:
    """The categories of one partition value (None without partitions)."""

    value: str | None
    categories: CategorySet = field(default_factory=CategorySet)
    categorized: int = 0
    failed: int = 0
    is_stopped: bool = False

    def quality(self) -> Quality:
        return quality_of(self.categories, self.failed)


class Categorizer:
    """Sorts messages into categories that it finds on the way."""

    def __init__(
        self,
        analyzer: PartConfig | None = None,
        *,
        filters: Sequence[str] = (),
        partition_field_name: str | None = None,
        stop_on_warn: bool = False,
        examples_limit: int = DEFAULT_EXAMPLES_LIMIT,
    ) -> None:
        self.partition_field_name = partition_field_name
        self.stop_on_warn = stop_on_warn
        self.examples_limit = examples_limit
        self._analyzer = Analyzer(analyzer, filters)
        self._partitions: list[_Partition] = []
        self._place_of: dict[str | None, int] = {}
        self._next_id = 1
        self._room = math.inf
        self._tokens_of: dict[str, tuple[str, ...]] = {}
        self._category_of: dict[tuple[int, tuple[str, ...]], int] = {}

    @classmethod
    def from_spec(cls, spec: CategorizationSpec) -> Categorizer:
        """The categorizer that a job asks for."""
        return cls(
            spec.analyzer,
            filters=spec.filters,
            partition_field_name=spec.partition_field,
            stop_on_warn=spec.stop_on_warn,
            examples_limit=spec.examples_limit,
        )

    def categorise(
        self, messages: Sequence[str], partitions: Sequence[str] | None = None, *, room: float = math.inf
    ) -> NDArray[np.int64]:
        """The category id of each message, in order; -1 if it found none or its partition has stopped.

        No category is added once those of this call have used up `room` bytes.
        """
        self._room = room
        if partitions is None or self.partition_field_name is None:
            place = self._partition_place(None)
            ids = [self._categorise_one(message, place) for message in messages]
        else:
            ids = [
                self._categorise_one(message, self._partition_place(value))
                for message, value in zip(messages, partitions, strict=True)
            ]
        return np.array(ids, np.int64)

    def changed(self, *, with_counts: bool = False) -> list[dict[str, object]]:
        """Definitions changed since the last call, by category id; with_counts: also those only matched more."""
        definitions = []
        for partition in self._partitions:
            due = [
                (place, category)
                for place, category in enumerate(partition.categories.categories)
                if category.is_changed or (with_counts and category.num_matches != category.reported_matches)
            ]
            preferred = partition.categories.preferred_to() if due else {}
            for place, category in due:
                category.is_changed, category.reported_matches = False, category.num_matches
                body = category.definition(partition.categories.popularity, preferred.get(place, ()))
                definitions.append(self._with_partition(body, partition))
        return sorted(definitions, key=lambda definition: definition["category_id"])  # type: ignore[arg-type,return-value]

    def stats(self) -> list[dict[str, object]]:
        """The counts and status of each partition (one without value if there are none)."""
        return [
            {
                **self._with_partition({}, partition),
                **(quality := partition.quality()).as_stats(),
                "categorization_status": "warn" if partition.is_stopped else quality.status(),
            }
            for partition in self._partitions
        ]

    def total_stats(self) -> dict[str, object]:
        """The sums over all partitions; warn if any partition warns."""
        stats = self.stats()
        names = Quality(0, 0, 0, 0, 0, 0).as_stats()
        totals: dict[str, object] = {name: sum(int(str(s[name])) for s in stats) for name in names}
        warns = any(s["categorization_status"] == "warn" for s in stats)
        return totals | {"categorization_status": "warn" if warns else "ok"}

    @property
    def size(self) -> int:
        """How many categories there are."""
        return self._next_id - 1

    @property
    def nbytes(self) -> int:
        """Estimated bytes of the categories and remembered sequences."""
        total = sum(_TOKEN_BYTES * (2 + len(tokens)) for _, tokens in self._category_of)
        for partition in self._partitions:
            for category in partition.categories.categories:
                total += _CATEGORY_BYTES + 2 * _TOKEN_BYTES * len(category.base) + sum(map(len, category.examples))
        return total

    def state(self) -> dict[str, NDArray[np.uint8]]:
        """Everything needed to go on exactly, as one array of UTF-8 JSON."""
        document = {
            "next_id": self._next_id,
            "partitions": [
                {
                    "value": p.value,
                    "categorized": p.categorized,
                    "failed": p.failed,
                    "is_stopped": p.is_stopped,
                    "categories": [
                        {name: getattr(c, name) for name in _STORED} | {"common": sorted(c.common)}
                        for c in p.categories.categories
                    ],
                }
                for p in self._partitions
            ],
            "sequences": [[place, tokens, at] for (place, tokens), at in self._category_of.items()],
        }
        return {"categorizer": np.frombuffer(json.dumps(document).encode(), np.uint8).copy()}

    def restore(self, state: Mapping[str, NDArray[np.uint8]]) -> None:
        """Take over what state() gave; the configuration is the constructor's."""
        document = json.loads(state["categorizer"].tobytes())
        self._next_id = document["next_id"]
        self._partitions, self._place_of, self._tokens_of = [], {}, {}
        for stored in document["partitions"]:
            partition = self._partitions[self._partition_place(stored["value"])]
            partition.categorized, partition.failed = stored["categorized"], stored["failed"]
            partition.is_stopped = stored["is_stopped"]
            for fields in stored["categories"]:
                partition.categories.append(_stored_category(fields))
        self._category_of = {(place, tuple(tokens)): at for place, tokens, at in document["sequences"]}

    def _partition_place(self, value: str | None) -> int:
        place = self._place_of.get(value)
        if place is None:
            place = self._place_of[value] = len(self._partitions)
            self._partitions.append(_Partition(value))
        return place

    def _with_partition(self, body: dict[str, object], partition: _Partition) -> dict[str, object]:
        if self.partition_field_name is None:
            return body
        names = {"partition_field_name": self.partition_field_name, "partition_field_value": partition.value}
        head = {"category_id": body["category_id"]} if "category_id" in body else {}
        return head | names | {key: value for key, value in body.items() if key not in head}

    def _categorise_one(self, message: str, place: int) -> int:
        partition = self._partitions[place]
        if partition.is_stopped:
            return NO_CATEGORY
        tokens = self._tokens(message)
        length = min(len(message), MAX_MESSAGE_CHARS)
        categories = partition.categories
        at = self._category_of.get((place, tokens), NO_CATEGORY)
        if at == NO_CATEGORY:
            at = self._choose_or_found(partition, tokens, length)
            if at == NO_CATEGORY:
                partition.failed += 1
                return NO_CATEGORY
            self._remember_sequence(place, tokens, at)
        category = categories.add_member(at, message, tokens, length, self.examples_limit)
        partition.categorized += 1
        if self.stop_on_warn and partition.categorized % STATUS_EVERY == 0:
            partition.is_stopped = partition.quality().status() == "warn"
        return category.category_id

    def _tokens(self, message: str) -> tuple[str, ...]:
        tokens = self._tokens_of.get(message)
        if tokens is None:
            tokens = self._analyzer.tokens(message)
            if len(self._tokens_of) >= MESSAGES_REMEMBERED:
                del self._tokens_of[next(iter(self._tokens_of))]
            self._tokens_of[message] = tokens
        return tokens

    def _choose_or_found(self, partition: _Partition, tokens: tuple[str, ...], length: int) -> int:
        categories = partition.categories
        at = categories.choose(tokens, length)
        if at == NO_CATEGORY and self._room > 0 and self._next_id <= MOST_CATEGORIES:
            categories.append(Category.found(self._next_id, tokens, length))
            self._room -= _CATEGORY_BYTES + 2 * _TOKEN_BYTES * len(tokens) + length
            self._next_id += 1
            at = len(categories.categories) - 1
        return at

    def _remember_sequence(self, place: int, tokens: tuple[str, ...], at: int) -> None:
        if len(self._category_of) >= SEQUENCES_REMEMBERED:
            del self._category_of[next(iter(self._category_of))]
        self._category_of[place, tokens] = at
        self._room -= _TOKEN_BYTES * (2 + len(tokens))


def _stored_category(fields: dict[str, Any]) -> Category:
    base = tuple(fields["base"])
    category = Category.found(fields["category_id"], base, fields["longest"])
    category.common, category.ordered = frozenset(fields["common"]), tuple(fields["ordered"])
    category.num_matches, category.examples = fields["num_matches"], list(fields["examples"])
    category.is_changed, category.reported_matches = fields["is_changed"], fields["reported_matches"]
    return category
