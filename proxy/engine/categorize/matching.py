"""The categories of one partition and the choice of one of them for a message.

A message goes to the first category, most matched first, that covers it (all common tokens in order, not too long)
or is more than 0.85 similar; failing that to the most similar one above 0.7; failing that it founds a category. A
similar message is only taken if seven tenths of the weight common to all members remain common.

An inverted index of founding tokens limits the comparison to categories that could pass: a sequence whose
unshared tokens weigh more than 0.3 of the heavier of both cannot be similar, and a category whose
common tokens are not all there cannot cover.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.engine.categorize.category import Category
from proxy.engine.categorize.similarity import similarity, token_weights

LOWER_THRESHOLD = 0.7
UPPER_THRESHOLD = 0.85
MIN_COMMON_WEIGHT_KEPT = 0.7


def keeps_enough(category: Category, token_set: frozenset[str]) -> bool:
    """True if joining would leave enough of the founding tokens common to all members."""
    kept = category.distinct_weight(category.common & token_set)
    return kept >= MIN_COMMON_WEIGHT_KEPT * category.distinct_weight(frozenset(category.base))


class CategorySet:
    """Categories in order of their founding, with the index over their founding tokens."""

    def __init__(self) -> None:
        self.categories: list[Category] = []
        # token -> (place of the category, weight of all its occurrences there)
        self._postings: dict[str, list[tuple[int, int]]] = {}

    def popularity(self, token: str) -> int:
        """How many categories were founded with this token."""
        return len(self._postings.get(token, ()))

    def append(self, category: Category) -> None:
        """Add a category to the set and the index."""
        place = len(self.categories)
        self.categories.append(category)
        weight_of: dict[str, int] = {}
        for token, weight in zip(category.base, category.weights, strict=True):
            weight_of[token] = weight_of.get(token, 0) + weight
        for token, weight in weight_of.items():
            self._postings.setdefault(token, []).append((place, weight))

    def choose(self, tokens: tuple[str, ...], length: int) -> int:
        """The place of the category a message belongs to; -1 if it should found its own."""
        if not tokens:
            return next((i for i, category in enumerate(self.categories) if not category.base), -1)
        weights, token_set = token_weights(tokens), frozenset(tokens)
        best_place, best_similarity = -1, LOWER_THRESHOLD
        for place in self._candidates(tokens, weights):
            category = self.categories[place]
            if category.covers(tokens, token_set, length):
                return place
            alike = similarity(tokens, weights, category.base, category.weights)
            if alike > best_similarity and keeps_enough(category, token_set):
                if alike > UPPER_THRESHOLD:
                    return place
                best_place, best_similarity = place, alike
        return best_place

    def preferred_to(self) -> dict[int, list[int]]:
        """Place of a category -> ids of later ones that never get a message because this one takes them."""
        rank = {place: number for number, place in enumerate(self._by_matches(range(len(self.categories))))}
        preferred: dict[int, list[int]] = {}
        for place, category in enumerate(self.categories):
            if not category.common:
                continue
            rarest = min(category.common, key=lambda token: (self.popularity(token), token))
            dead = [
                self.categories[other].category_id
                for other, _ in self._postings[rarest]
                if rank[other] > rank[place] and category.subsumes(self.categories[other])
            ]
            if dead:
                preferred[place] = dead
        return preferred

    def _by_matches(self, places: Iterator[int] | range | list[int]) -> list[int]:
        return sorted(places, key=lambda place: (-self.categories[place].num_matches, place))

    def _candidates(self, tokens: tuple[str, ...], weights: tuple[int, ...]) -> list[int]:
        """Places of categories that might take the message, most matched first."""
        own_weight_of: dict[str, int] = {}
        for token, weight in zip(tokens, weights, strict=True):
            own_weight_of[token] = own_weight_of.get(token, 0) + weight
        shared: dict[int, int] = {}
        shared_theirs: dict[int, int] = {}
        for token, own_weight in own_weight_of.items():
            for place, their_weight in self._postings.get(token, ()):
                shared[place] = shared.get(place, 0) + own_weight
                shared_theirs[place] = shared_theirs.get(place, 0) + their_weight
        total = sum(weights)
        return self._by_matches(
            [
                place
                for place in shared
                if self._may_take(place, total, shared[place], shared_theirs[place], own_weight_of)
            ]
        )

    def _may_take(self, place: int, total: int, shared: int, shared_theirs: int, own_weight_of: dict[str, int]) -> bool:
        category = self.categories[place]
        theirs = category.total_weight
        least_distance = max(total - shared, theirs - shared_theirs)
        if least_distance <= (1 - LOWER_THRESHOLD) * max(total, theirs) + 1e-9:
            return True
        return category.common <= own_weight_of.keys()
