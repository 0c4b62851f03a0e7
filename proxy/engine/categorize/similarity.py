"""What tokens weigh and how alike two token sequences are.

    token_weights(tokens) -> tuple[int, ...]
    edit_distance(tokens, weights, other_tokens, other_weights) -> int
    similarity(...same...) -> float in [0, 1]:  1 - distance / larger total weight
    is_subsequence(short, long) -> bool
    common_subsequence(ordered, tokens) -> tuple[str, ...]

A token weighs 1, a dictionary word 3, a verb 6; from the third adjacent dictionary word on the part above 1 counts
six times: running English is what developers wrote, single words may be names. Deleting a token costs its
weight, replacing one the larger of both.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.engine.categorize.words import UNKNOWN, VERB, word_class

EXTRA_OF_WORD = 2
EXTRA_OF_VERB = 5
ADJACENT_FACTOR = 6
ADJACENT_FROM = 3


def token_weights(tokens: Sequence[str]) -> tuple[int, ...]:
    """The weight of each token, by its class and by the run of English it stands in."""
    weights, run = [], 0
    for token in tokens:
        kind = word_class(token)
        if kind == UNKNOWN:
            run = 0
            weights.append(1)
            continue
        run += 1
        extra = EXTRA_OF_VERB if kind == VERB else EXTRA_OF_WORD
        weights.append(1 + extra * (ADJACENT_FACTOR if run >= ADJACENT_FROM else 1))
    return tuple(weights)


def edit_distance(
    tokens: Sequence[str], weights: Sequence[int], other_tokens: Sequence[str], other_weights: Sequence[int]
) -> int:
    """The least cost of turning one sequence into the other; one row of the usual table at a time."""
    above = [0]
    for other_weight in other_weights:
        above.append(above[-1] + other_weight)
    others = list(zip(other_tokens, other_weights, strict=True))
    for token, weight in zip(tokens, weights, strict=True):
        left = above[0] + weight
        row = [left]
        for column, (other_token, other_weight) in enumerate(others):
            if token == other_token:
                best = above[column]
            else:
                best = above[column] + (weight if weight > other_weight else other_weight)
            if above[column + 1] + weight < best:
                best = above[column + 1] + weight
            if left + other_weight < best:
                best = left + other_weight
            row.append(best)
            left = best
        above = row
    return above[-1]


def similarity(
    tokens: Sequence[str], weights: Sequence[int], other_tokens: Sequence[str], other_weights: Sequence[int]
) -> float:
    """1 for equal sequences, 0 for ones with nothing in common."""
    total = max(sum(weights), sum(other_weights))
    if not total:
        return 1.0
    # Replacing all tokens can cost more than either sequence weighs.
    return max(0.0, 1.0 - edit_distance(tokens, weights, other_tokens, other_weights) / total)


def is_subsequence(short: Sequence[str], long: Sequence[str]) -> bool:
    """True if the tokens of short occur in long in the same order."""
    rest = iter(long)
    return all(token in rest for token in short)


def common_subsequence(ordered: Sequence[str], tokens: Sequence[str]) -> tuple[str, ...]:
    """The heaviest tokens of ordered that occur in tokens in the same order; ordered itself if all do."""
    if is_subsequence(ordered, tokens):
        return tuple(ordered)
    weights = token_weights(ordered)
    # best[j]: heaviest common subsequence of the part of ordered seen so far and tokens[:j].
    best: list[tuple[int, tuple[str, ...]]] = [(0, ())] * (len(tokens) + 1)
    for token, weight in zip(ordered, weights, strict=True):
        row = [best[0]]
        for column, other in enumerate(tokens):
            choice = max(best[column + 1], row[column], key=lambda found: found[0])
            if token == other and best[column][0] + weight > choice[0]:
                choice = (best[column][0] + weight, (*best[column][1], token))
            row.append(choice)
        best = row
    return best[-1][1]
