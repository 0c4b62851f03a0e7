"""The categories of one partition and the choice of one of them for a message.

A message goes to the first category, most matched first, that covers it (all common tokens in order, not too long)
or is more than 0.85 similar; failing that to the most similar one above 0.7; failing that it founds a category. A
similar message is only taken if seven tenths of the weight common to all members remain common.

An inverted index of founding tokens limits the comparison to categories that could pass: a sequence whose
unshared tokens weigh more than 0.3 of the heavier of both cannot be similar, and a category whose
common tokens are not all there cannot cover.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

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
        # token -> (places of the categories founded with it, weight of all its occurrences there)
        self._postings: dict[str, tuple[array[int], array[int]]] = {}
        self._total_weight = array("q")
        self._common_weight = array("q")

    def popularity(self, token: str) -> int:
        """How many categories were founded with this token."""
        return len(self._postings[token][0]) if token in self._postings else 0

    def append(self, category: Category) -> None:
        """Add a category to the set and the index."""
        place = len(self.categories)
        self.categories.append(category)
        for token, weight in category.weight_of_tokens().items():
            places, weights = self._postings.setdefault(token, (array("q"), array("q")))
            places.append(place)
            weights.append(weight)
        self._total_weight.append(category.total_weight)
        self._common_weight.append(category.common_weight())

    def add_member(
        self, place: int, message: str, tokens: tuple[str, ...], length: int, examples_limit: int
    ) -> Category:
        """Give a message to the category at a place."""
        category = self.categories[place]
        common = category.common
        category.add(message, tokens, length, examples_limit)
        if category.common is not common:
            self._common_weight[place] = category.common_weight()
        return category

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
                for other in self._postings[rarest][0]
                if rank[other] > rank[place] and category.subsumes(self.categories[other])
            ]
            if dead:
                preferred[place] = dead
        return preferred

    def _by_matches(self, places: range | list[int]) -> list[int]:
        return sorted(places, key=lambda place: (-self.categories[place].num_matches, place))

    def _candidates(self, tokens: tuple[str, ...], weights: tuple[int, ...]) -> list[int]:
        """Places of categories that might take the message, most matched first."""
        own_weight_of: dict[str, int] = {}
        for token, weight in zip(tokens, weights, strict=True):
            own_weight_of[token] = own_weight_of.get(token, 0) + weight
        known = [(own, *self._postings[token]) for token, own in own_weight_of.items() if token in self._postings]
        if not known:
            return []
        places = np.concatenate([_view(of) for _, of, _ in known])
        own_weights = np.repeat([own for own, _, _ in known], [len(of) for _, of, _ in known])
        their_weights = np.concatenate([_view(weights_there) for _, _, weights_there in known])
        size, total = len(self.categories), sum(weights)
        shared, shared_theirs = np.bincount(places, own_weights, size), np.bincount(places, their_weights, size)
        theirs = _view(self._total_weight)
        least_distance = np.maximum(total - shared, theirs - shared_theirs)
        may_be_similar = least_distance <= (1 - LOWER_THRESHOLD) * np.maximum(total, theirs) + 1e-9
        may_cover = shared_theirs >= _view(self._common_weight)
        return self._by_matches(np.flatnonzero((shared > 0) & (may_be_similar | may_cover)).tolist())


def _view(numbers: array[int]) -> NDArray[np.int64]:
    """The numbers without a copy; must not outlive the next append."""
    return np.frombuffer(numbers, np.int64)
