"""The value hash that ends the ids of records, influencers and model plots.

Lives here: hashing of field values. The ids themselves are in `ids`.
"""

from __future__ import annotations

import mmh3

_LOW_64_BITS = (1 << 64) - 1


def value_hash(*values: str | None) -> str:
    """`<hash>_<length>` of the values that are set, joined without a separator.

    The hash is MurmurHash3 x64-128 with seed 0 over the UTF-8 bytes, read as one signed
    big-endian integer. The length counts UTF-16 code units, because ids written by
    Elasticsearch itself count Java characters.
    """
    text = "".join(value for value in values if value is not None)
    high, low = mmh3.hash64(text.encode("utf-8", "surrogatepass"), seed=0, x64arch=True, signed=True)
    utf16_length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return f"{(high << 64) | (low & _LOW_64_BITS)}_{utf16_length}"
