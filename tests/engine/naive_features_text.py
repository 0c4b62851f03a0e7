"""Distinct counts and information content with dictionaries: the slow twin of proxy.engine.features_text."""

from __future__ import annotations

import zlib


def texts_by_key(rows):
    """rows: (key, text or None); answers key -> set of texts."""
    found = {}
    for key, text in rows:
        if text is not None:
            found.setdefault(key, set()).add(text)
    return found


def deflated_length(texts):
    """Raw deflate at the fastest level: a zlib stream less its header of 2 and trailer of 4 bytes."""
    joined = b"".join(text.encode("utf-8", "surrogatepass") + b"\n" for text in sorted(texts))
    return len(zlib.compress(joined, 1)) - 6
