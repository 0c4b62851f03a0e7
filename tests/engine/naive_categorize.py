"""Categorization that compares every message with every category: the slow twin of the matching.

Weights and common subsequences come from the product (they have their own tests); what is plain here are the words of
a message, the choice of a category, the bookkeeping and the counts.
"""

from __future__ import annotations

from functools import cache

from proxy.engine.categorize.similarity import common_subsequence, token_weights


def words(text, *, knows_paths):
    """The words of ml_standard (which knows paths, URLs and e-mail addresses) or ml_classic, letter by letter."""
    found, at = [], 0
    while at < len(text):
        start, inside = at, "_.-@/" if knows_paths else "_.-"
        is_drive = "".join(text[at + 1 : at + 3]) == ":\\" and text[at].isascii() and text[at].isalpha()
        if knows_paths and (is_drive or text[at : at + 2] == "\\\\"):
            at, inside = at + (3 if is_drive else 2), inside + "\\"
        elif text[at].isalnum() or (knows_paths and text[at] == "/"):
            at += 1
        else:
            at += 1
            continue
        while at < len(text) and (
            text[at].isalnum()
            or text[at] in inside
            or (knows_paths and "\\" not in inside and text[at : at + 2] == ":/")
        ):
            at += 1
        word = text[start:at]
        is_number = word[0].isdigit() or all(c in "-0123456789abcdefABCDEF.@:" for c in word)
        if any(c.isalpha() for c in word) and not is_number:
            while not word[-1].isalnum():
                word = word[:-1]
            found.append(word)
    return found


def distance(tokens, weights, other, other_weights):
    """Weighted edit distance straight from its definition."""

    @cache
    def cost(i, j):
        if i == 0:
            return sum(other_weights[:j])
        if j == 0:
            return sum(weights[:i])
        replaced = 0 if tokens[i - 1] == other[j - 1] else max(weights[i - 1], other_weights[j - 1])
        return min(
            cost(i - 1, j - 1) + replaced,
            cost(i - 1, j) + weights[i - 1],
            cost(i, j - 1) + other_weights[j - 1],
        )

    return cost(len(tokens), len(other))


def similarity(tokens, other):
    weights, other_weights = token_weights(tokens), token_weights(other)
    total = max(sum(weights), sum(other_weights))
    return 1 - distance(tokens, weights, other, other_weights) / total if total else 1.0


def in_order(short, long):
    at = 0
    for token in long:
        if at < len(short) and short[at] == token:
            at += 1
    return at == len(short)


def heaviest_common(one, other):
    """Weight of the heaviest common subsequence, by trying every subset of one."""
    best = 0
    for chosen in range(2 ** len(one)):
        kept = [token for i, token in enumerate(one) if chosen >> i & 1]
        if in_order(kept, other):
            weights = token_weights(one)
            best = max(best, sum(weight for i, weight in enumerate(weights) if chosen >> i & 1))
    return best


class NaiveCategory:
    def __init__(self, number, tokens, length):
        self.number, self.base, self.longest, self.count = number, tokens, length, 0
        self.common, self.ordered = set(tokens), tokens

    def weight_of(self, tokens):
        weights = token_weights(self.base)
        return sum(weights[self.base.index(token)] for token in set(self.base) if token in tokens)

    def covers(self, tokens, length):
        if not self.base:
            return not tokens
        is_short = length <= int(self.longest * 1.1)
        return is_short and self.common <= set(tokens) and in_order(self.ordered, tokens)

    def add(self, tokens, length):
        self.count += 1
        self.longest = max(self.longest, length)
        self.common &= set(tokens)
        self.ordered = common_subsequence(self.ordered, tokens)


class NaiveCategories:
    """One partition."""

    def __init__(self):
        self.categories, self.settled = [], {}

    def add(self, tokens, length):
        category = self.settled.get(tokens) or self.choose(tokens, length)
        if category is None:
            category = NaiveCategory(len(self.categories) + 1, tokens, length)
            self.categories.append(category)
        self.settled[tokens] = category
        category.add(tokens, length)
        return category.number

    def choose(self, tokens, length):
        best, best_similarity = None, 0.7
        for category in sorted(self.categories, key=lambda c: (-c.count, c.number)):
            if category.covers(tokens, length):
                return category
            if not tokens or not category.base:
                continue
            alike = similarity(tokens, category.base)
            kept = category.weight_of(category.common & set(tokens))
            if alike > best_similarity and kept >= 0.7 * category.weight_of(set(category.base)):
                if alike > 0.85:
                    return category
                best, best_similarity = category, alike
        return best

    def dead(self):
        ordered = sorted(self.categories, key=lambda c: (-c.count, c.number))
        return {
            later.number
            for i, later in enumerate(ordered)
            for earlier in ordered[:i]
            if earlier.base
            and later.base
            and int(later.longest * 1.1) <= int(earlier.longest * 1.1)
            and earlier.common <= later.common
            and in_order(earlier.ordered, later.ordered)
        }
