"""Values read from SMILE: one document behind another, as a sender of records writes them.

Each table below says which first bytes mean what; what is not there is no SMILE.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

_HEADER = b":)\n"
_SHARES_NAMES, _SHARES_TEXTS = 0x01, 0x02
_END_OF_TEXT, _RAW_BINARY, _END_OF_CONTENT = 0xFC, 0xFD, 0xFF
_START_ARRAY, _END_ARRAY, _START_OBJECT, _END_OBJECT = 0xF8, 0xF9, 0xFA, 0xFB
_CONSTANTS = {0x20: "", 0x21: None, 0x22: False, 0x23: True}
# Texts of which the first byte tells the length: first byte, last byte, length that the first byte stands for.
_SHORT_TEXTS = ((0x40, 0x7F, 1), (0x80, 0x9F, 2), (0xA0, 0xBF, 34))
_SHORT_NAMES = ((0x80, 0xBF, 1), (0xC0, 0xF7, 2))
_LONG_TEXTS, _LONG_NAME = (0xE0, 0xE4), 0x34
# So many names, and short texts, are remembered before all are forgotten.
_SHARED = 1024
# A byte may repeat a long text: a small body must not become a huge one.
_MAX_REPEATED = 16 * 1024 * 1024


class NotSmile(ValueError):
    """What is wrong, and at which byte."""


def documents_of(raw: bytes) -> Iterator[Any]:
    """The documents in a body, each a value of JSON.

    Raises:
        NotSmile: the body is none, ends within a document, or holds binary data, for which JSON has no value.
    """
    return _Reader(raw).documents()


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self._names: list[str] | None = None
        self._texts: list[str] | None = None
        self._repeated = 0

    def documents(self) -> Iterator[Any]:
        if not self._read_header():
            raise NotSmile("it does not begin with a header at byte [0]")
        while self._at < len(self._raw):
            if self._raw[self._at] == _END_OF_CONTENT:
                self._at += 1
            elif not self._read_header():
                yield self._value(self._byte())

    def _read_header(self) -> bool:
        """Each part of a body may begin with one; what was remembered is forgotten then."""
        if not self._raw.startswith(_HEADER, self._at):
            return False
        self._at += len(_HEADER)
        flags = self._byte()
        self._names = [] if flags & _SHARES_NAMES else None
        self._texts = [] if flags & _SHARES_TEXTS else None
        return True

    def _value(self, token: int) -> Any:
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token == _START_OBJECT:
            return dict(self._members())
        if token == _START_ARRAY:
            return list(self._elements())
        if 0xC0 <= token <= 0xDF:
            return _signed(token - 0xC0)
        for first, last, length in _SHORT_TEXTS:
            if first <= token <= last:
                return self._remembered(self._texts, self._taken(token - first + length))
        if token in _LONG_TEXTS:
            return self._long_text()
        if 0x01 <= token <= 0x1F:
            return self._recalled(self._texts, token - 1)
        if 0xEC <= token <= 0xEF:
            return self._recalled(self._texts, (token & 0x03) << 8 | self._byte())
        return self._number(token)

    def _number(self, token: int) -> int | float:
        if token in (0x24, 0x25):
            return _signed(self._unsigned())
        if token == 0x26:
            return self._big_integer()
        if token == 0x28:
            return float(struct.unpack(">f", self._bits(32))[0])
        if token == 0x29:
            return float(struct.unpack(">d", self._bits(64))[0])
        if token == 0x2A:
            scale = _signed(self._unsigned())
            return float(f"{self._big_integer()}e{-scale}")
        raise self._fault(f"[0x{token:02x}] begins no value")

    def _members(self) -> Iterator[tuple[str, Any]]:
        while (token := self._byte()) != _END_OBJECT:
            name = self._name(token)
            yield name, self._value(self._byte())

    def _elements(self) -> Iterator[Any]:
        while (token := self._byte()) != _END_ARRAY:
            yield self._value(token)

    def _name(self, token: int) -> str:
        if token == 0x20:
            return ""
        if 0x30 <= token <= 0x33:
            return self._recalled(self._names, (token & 0x03) << 8 | self._byte())
        if 0x40 <= token <= 0x7F:
            return self._recalled(self._names, token - 0x40)
        for first, last, length in _SHORT_NAMES:
            if first <= token <= last:
                return self._remembered(self._names, self._taken(token - first + length))
        if token == _LONG_NAME:
            return self._remembered(self._names, self._long_text())
        raise self._fault(f"[0x{token:02x}] begins no name")

    # ---- texts

    def _taken(self, length: int) -> str:
        piece = self._raw[self._at : self._at + length]
        if len(piece) < length:
            raise self._fault("it ends within a text")
        self._at += length
        return self._text(piece)

    def _long_text(self) -> str:
        end = self._raw.find(_END_OF_TEXT, self._at)
        if end < 0:
            raise self._fault("it ends within a text")
        piece, self._at = self._raw[self._at : end], end + 1
        return self._text(piece)

    def _text(self, piece: bytes) -> str:
        try:
            return piece.decode()
        except UnicodeDecodeError as error:
            raise self._fault("a text is no UTF-8") from error

    def _remembered(self, shared: list[str] | None, text: str) -> str:
        if shared is not None:
            if len(shared) == _SHARED:
                shared.clear()
            shared.append(text)
        return text

    def _recalled(self, shared: list[str] | None, number: int) -> str:
        if shared is None or number >= len(shared):
            raise self._fault(f"there is no text number [{number}] to repeat")
        self._repeated += len(shared[number])
        if self._repeated > _MAX_REPEATED:
            raise self._fault("it repeats texts too often")
        return shared[number]

    # ---- numbers

    def _byte(self) -> int:
        if self._at >= len(self._raw):
            raise self._fault("it ends too early")
        self._at += 1
        return self._raw[self._at - 1]

    def _sevens(self, count: int) -> int:
        """A number of which each byte holds seven bits."""
        value = 0
        for _ in range(count):
            value = value << 7 | self._byte() & 0x7F
        return value

    def _bits(self, count: int) -> bytes:
        """Those of a floating-point number; the first byte has room for more of them, which mean nothing."""
        return (self._sevens(count // 7 + 1) & (1 << count) - 1).to_bytes(count // 8, "big")

    def _unsigned(self) -> int:
        """Seven bits a byte, and six in the last one, which has the highest bit set."""
        value = 0
        for _ in range(10):
            byte = self._byte()
            if byte & 0x80:
                return value << 6 | byte & 0x3F
            value = value << 7 | byte
        raise self._fault("a number has no end")

    def _big_integer(self) -> int:
        length = self._unsigned()
        if length > len(self._raw) - self._at:
            raise self._fault("it ends within a number")
        content = bytearray()
        for size in [7] * (length // 7) + [length % 7] * bool(length % 7):
            # The last byte holds as many bits as there are bytes in the group.
            value = self._sevens(size) << size | self._byte() & (1 << size) - 1
            content += value.to_bytes(size, "big")
        return int.from_bytes(content, "big", signed=True)

    def _fault(self, text: str) -> NotSmile:
        return NotSmile(f"{text} at byte [{self._at}]")


def _signed(zigzag: int) -> int:
    return zigzag >> 1 ^ -(zigzag & 1)
