"""The seal on a stored result: a checksum in whitespace, which tells that its text is what the API answers.

    {<sixteen spaces or carriage returns><tab>"job_id":…<tab>}

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


@dataclass(frozen=True, slots=True)
class Seal:
    """``form`` is a checksum of how documents are written: one that was sealed by another does not count."""

    form: int

    def closed(self, text: bytes) -> bytes:
        """The source to store for an object's text."""
        inner = text[1:-1]
        return b"{%b\t%b\t}" % (self._checksum(inner), inner)

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
        return b"".join(rest), texts

    def _checksum(self, text: bytes) -> bytes:
        number = zlib.crc32(text, self.form)
        return _EIGHT_BITS[number & 255] + _EIGHT_BITS[number >> 8 & 255]


def is_husk(source: bytes) -> bool:
    """Whether this is what is left of a sealed document once its text is cut out."""
    return not source.strip(_HUSK)
