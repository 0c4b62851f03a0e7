"""The seal on a stored result: a checksum in whitespace, which tells that its text is what the API answers.

    {<sixteen spaces or carriage returns><tab>"job_id":…<tab>,"event":{"ingested":1767225600000}}

When it was first written stands behind the text, because the API does not show it.

JSON allows whitespace between tokens, and the cluster keeps a document's bytes as they were sent. Whatever else
writes results leaves no such whitespace: a partial update, an ingest pipeline and a reindexing script serialise the
document anew, and clients never write it. The sixteen are a checksum of the text and of the form that the writer
gave it, which tells texts that were edited by hand, and those of a product that answered otherwise.

So a page of sealed documents is put together without reading any of them. What they look like is in ``docs``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

# Inside a JSON string it would be escaped, so it stands nowhere but around a text.
_TAB = b"\t"
# A line feed would end the line of a bulk request.
_BITS = (" ", "\r")
# Of each byte its whitespace.
_EIGHT_BITS = ["".join(_BITS[number >> bit & 1] for bit in range(8)).encode() for number in range(256)]
_HUSK = b"{ \r}"
_BEFORE_INGESTED, _AFTER_INGESTED = b',"event":{"ingested":', b"}"
# Epoch milliseconds from 2001 to 2286.
_DIGITS = 13
_INGESTIBLE_MS = range(10 ** (_DIGITS - 1), 10**_DIGITS)
_INGESTED_BYTES = len(_BEFORE_INGESTED) + _DIGITS + len(_AFTER_INGESTED)


@dataclass(frozen=True, slots=True)
class Seal:
    """``form`` is a checksum of how documents are written: one that was sealed by another does not count."""

    form: int

    def closed(self, text: bytes, ingested_ms: int | None = None) -> bytes:
        """The source to store for an object's text, with ``event.ingested`` if a time is given."""
        inner, ingested = text[1:-1], b""
        if ingested_ms is not None:
            assert may_bear(ingested_ms), "all have the same number of digits"
            ingested = b"%b%d%b" % (_BEFORE_INGESTED, ingested_ms, _AFTER_INGESTED)
        return b"{%b\t%b\t%b}" % (self._checksum(inner), inner, ingested)

    def cut(self, answer: bytes) -> tuple[bytes, list[bytes]]:
        """A search answer without the texts of its sealed documents, and those texts without their braces.

        All or none: an answer in which anything that looks sealed is not, is left whole.
        """
        parts = answer.split(_TAB)
        texts, rest = parts[1::2], parts[0::2]
        if len(rest) != len(texts) + 1:
            return answer, []
        if not all(map(bytes.endswith, rest, map(self._checksum, texts))):
            return answer, []
        behind = [part[_INGESTED_BYTES:] if part.startswith(_BEFORE_INGESTED) else part for part in rest[1:]]
        return b"".join([rest[0], *behind]), texts

    def _checksum(self, text: bytes) -> bytes:
        number = zlib.crc32(text, self.form)
        return _EIGHT_BITS[number & 255] + _EIGHT_BITS[number >> 8 & 255]


def may_bear(ingested_ms: int) -> bool:
    """Whether a time has the number of digits that a sealed document has room for."""
    return ingested_ms in _INGESTIBLE_MS


def is_husk(source: bytes) -> bool:
    """Whether this is what is left of a sealed document once its text is cut out."""
    return not source.strip(_HUSK)
