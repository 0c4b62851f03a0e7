"""One category of messages: what its members have in common, and its definition for users.

Not here: the choice of a category for a message (matching.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy.engine.categorize.similarity import common_subsequence, is_subsequence, token_weights

# Terms are searched for; a query string has its limits.
MAX_TERMS_CHARS = 2000
MAX_EXAMPLE_CHARS = 1000
# A message up to a tenth longer than any seen may still belong.
LENGTH_MARGIN = 1.1
_SPECIAL = frozenset(".\\|*+?^$()[]{}")


def escaped(token: str) -> str:
    """A token as a literal of a regular expression."""
    return "".join("\\" + char if char in _SPECIAL else char for char in token)


@dataclass(slots=True)
class Category:
    """A category; `base` are the tokens of the message that founded it and never change."""

    category_id: int
    base: tuple[str, ...]
    weights: tuple[int, ...]
    common: frozenset[str]
    ordered: tuple[str, ...]
    longest: int
    num_matches: int = 0
    examples: list[str] = field(default_factory=list)
    is_changed: bool = True
    reported_matches: int = 0

    @classmethod
    def found(cls, category_id: int, tokens: tuple[str, ...], length: int) -> Category:
        """A new category from its first message."""
        return cls(category_id, tokens, token_weights(tokens), frozenset(tokens), tokens, length)

    @property
    def total_weight(self) -> int:
        """Weight of the founding message."""
        return sum(self.weights)

    @property
    def max_matching_length(self) -> int:
        """Messages longer than this are not taken on common tokens alone."""
        return int(self.longest * LENGTH_MARGIN)

    def weight_of_tokens(self) -> dict[str, int]:
        """Founding token -> weight of all its occurrences."""
        weight_of: dict[str, int] = {}
        for token, weight in zip(self.base, self.weights, strict=True):
            weight_of[token] = weight_of.get(token, 0) + weight
        return weight_of

    def common_weight(self) -> int:
        """Weight of all occurrences of the common tokens in the founding message."""
        return sum(weight for token, weight in zip(self.base, self.weights, strict=True) if token in self.common)

    def distinct_weight(self, of: frozenset[str]) -> int:
        """Weight of the distinct founding tokens within a set, each at its first place."""
        first = dict(reversed(list(zip(self.base, self.weights, strict=True))))
        return sum(weight for token, weight in first.items() if token in of)

    def covers(self, tokens: Sequence[str], token_set: frozenset[str], length: int) -> bool:
        """True if a message has all common tokens, in order, and is not too long."""
        if not self.base:
            return not tokens
        return length <= self.max_matching_length and self.common <= token_set and is_subsequence(self.ordered, tokens)

    def subsumes(self, other: Category) -> bool:
        """True if every message of the other category would be taken by this one."""
        if not self.base or not other.base:
            return False
        return (
            other.max_matching_length <= self.max_matching_length
            and self.common <= other.common
            and is_subsequence(self.ordered, other.ordered)
        )

    def add(self, message: str, tokens: tuple[str, ...], length: int, examples_limit: int) -> None:
        """One more member."""
        self.num_matches += 1
        if length > self.longest:
            self.longest, self.is_changed = length, True
        self._narrow(tokens)
        if len(self.examples) < examples_limit:
            example = message if len(message) <= MAX_EXAMPLE_CHARS else message[: MAX_EXAMPLE_CHARS - 3] + "..."
            if example not in self.examples:
                self.examples = sorted([*self.examples, example])
                self.is_changed = True

    def _narrow(self, tokens: tuple[str, ...]) -> None:
        if tokens == self.base:
            return
        common = self.common & frozenset(tokens)
        ordered = common_subsequence(self.ordered, tokens)
        if common != self.common or ordered != self.ordered:
            self.common, self.ordered, self.is_changed = common, ordered, True

    def terms(self, popularity: Callable[[str], int]) -> str:
        """The common tokens in founding order; if too many, those rarest among the categories."""
        terms = [token for token in dict.fromkeys(self.base) if token in self.common]
        if len(" ".join(terms)) > MAX_TERMS_CHARS:
            kept: set[str] = set()
            room = MAX_TERMS_CHARS
            for token in sorted(terms, key=popularity):
                if len(token) + 1 <= room:
                    kept.add(token)
                    room -= len(token) + 1
            terms = [token for token in terms if token in kept]
        return " ".join(terms)

    def regex(self) -> str:
        """Matches any member: the common tokens that always come in this order."""
        if not self.ordered:
            return ".*"
        return ".*?" + ".+?".join(map(escaped, self.ordered)) + ".*"

    def definition(self, popularity: Callable[[str], int], preferred_to: Sequence[int]) -> dict[str, object]:
        """The category_definition of the API, without job and partition."""
        definition: dict[str, object] = {
            "category_id": self.category_id,
            "terms": self.terms(popularity),
            "regex": self.regex(),
            "max_matching_length": self.max_matching_length,
            "examples": list(self.examples),
        }
        if preferred_to:
            definition["preferred_to_categories"] = list(preferred_to)
        definition["num_matches"] = self.num_matches
        return definition
