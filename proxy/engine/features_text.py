"""Features of text values: how many distinct ones a bucket holds and how much information they carry.

Here: distinct (key, code) pairs of an open bucket, and the two features from them.
Not here: what a key is (the caller packs bucket and row into it), and the interning of values to codes.

    distinct_pairs(key, code) -> TextPairs            codes < 0 are missing and ignored
    TextPairs(key int64[m], code int64[m])            sorted by key, then code; m distinct pairs
    distinct_counts(pairs) -> (keys, float64[k])
    info_content(pairs, values) -> (keys, float64[k]) values[code] is the text

info_content is the length in bytes of the deflated distinct strings in sorted order, each ended by a line feed:
repetition inside a bucket adds nothing, and strings alike add little.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Fast deflate: the feature compares lengths with each other, it does not store them.
DEFLATE_LEVEL = 1
RAW_DEFLATE = -15
LARGEST_PACKED = 1 << 62


@dataclass(frozen=True, slots=True)
class TextPairs:
    """Which texts occurred under which key."""

    key: Ints
    code: Ints

    @classmethod
    def empty(cls) -> TextPairs:
        """No pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))


def distinct_pairs(key: NDArray[np.integer], code: NDArray[np.integer]) -> TextPairs:
    """The distinct pairs with a value."""
    is_present = code >= 0
    key, code = np.asarray(key, np.int64)[is_present], np.asarray(code, np.int64)[is_present]
    if not key.size:
        return TextPairs.empty()
    lowest, width = int(key.min()), int(code.max()) + 1
    if (int(key.max()) - lowest + 1) * width < LARGEST_PACKED:
        packed = (key - lowest) * width + code
        # np.unique would hash, which is far slower than sorting integers.
        packed.sort()
        packed = packed[_is_new(packed)]
        return TextPairs(packed // width + lowest, packed % width)
    order = np.lexsort((code, key))
    key, code = key[order], code[order]
    is_new = _is_new(key) | _is_new(code)
    return TextPairs(key[is_new], code[is_new])


def _is_new(ordered: Ints) -> NDArray[np.bool_]:
    """Where a value differs from the one before it."""
    return np.concatenate([[True], ordered[1:] != ordered[:-1]])[: ordered.size]


def distinct_counts(pairs: TextPairs) -> tuple[Ints, Floats]:
    """Distinct values per key."""
    starts = np.flatnonzero(_is_new(pairs.key))
    return pairs.key[starts], np.diff(starts, append=pairs.key.size).astype(np.float64)


def info_content(pairs: TextPairs, values: Sequence[str]) -> tuple[Ints, Floats]:
    """Deflated length of each key's distinct values."""
    starts = np.flatnonzero(_is_new(pairs.key))
    texts = list(map(values.__getitem__, pairs.code.tolist()))
    bounds = np.append(starts, pairs.key.size).tolist()
    lengths = [_deflated_length(texts[start:end]) for start, end in pairwise(bounds)]
    return pairs.key[starts], np.array(lengths, np.float64)


def _deflated_length(texts: list[str]) -> int:
    compressor = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, RAW_DEFLATE)
    joined = ("\n".join(sorted(texts)) + "\n").encode("utf-8", "surrogatepass")
    return len(compressor.compress(joined)) + len(compressor.flush())
