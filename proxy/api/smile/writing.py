"""Values written as SMILE, in the plainest of its forms: nothing is shared."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_HEADER = b":)\n\x00"
_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)


def to_smile(value: Any) -> bytes:
    """A value of JSON as a body."""
    out = bytearray(_HEADER)
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    if value is None:
        out.append(0x21)
    elif isinstance(value, bool):
        out.append(0x23 if value else 0x22)
    elif isinstance(value, int):
        _write_integer(value, out)
    elif isinstance(value, float):
        out.append(0x29)
        out += _sevens(int.from_bytes(struct.pack(">d", value), "big"), 10)
    elif isinstance(value, str):
        _write_text(value.encode(errors="replace"), out)
    elif isinstance(value, Mapping):
        out.append(0xFA)
        for name, part in value.items():
            _write_name(name.encode(errors="replace"), out)
            _write(part, out)
        out.append(0xFB)
    else:
        out.append(0xF8)
        for part in value:
            _write(part, out)
        out.append(0xF9)


def _write_text(text: bytes, out: bytearray) -> None:
    length = len(text)
    if not text:
        out.append(0x20)
    elif text.isascii() and length <= 64:
        out.append(0x40 + length - 1)
    elif not text.isascii() and length <= 33:
        out.append(0x80 + length - 2)
    elif not text.isascii() and length <= 65:
        out.append(0xA0 + length - 34)
    else:
        out.append(0xE0 if text.isascii() else 0xE4)
        text += b"\xfc"
    out += text


def _write_name(name: bytes, out: bytearray) -> None:
    length = len(name)
    if not name:
        out.append(0x20)
    elif name.isascii() and length <= 64:
        out.append(0x80 + length - 1)
    elif not name.isascii() and length <= 57:
        out.append(0xC0 + length - 2)
    else:
        out.append(0x34)
        name += b"\xfc"
    out += name


def _write_integer(value: int, out: bytearray) -> None:
    zigzag = value << 1 if value >= 0 else (-value << 1) - 1
    if zigzag < 32:
        out.append(0xC0 + zigzag)
    elif value in _LONG:
        out.append(0x24 if value in _INT else 0x25)
        out += _unsigned(zigzag)
    else:
        content = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        out.append(0x26)
        out += _unsigned(len(content))
        for at in range(0, len(content), 7):
            out += _group(content[at : at + 7])


def _group(content: bytes) -> bytes:
    """Up to seven bytes, as that many of seven bits and one with what is left."""
    size, number = len(content), int.from_bytes(content, "big")
    return _sevens(number >> size, size) + bytes([number & (1 << size) - 1])


def _unsigned(number: int) -> bytes:
    """Seven bits a byte, and six in the last one, which has the highest bit set."""
    rest, count = number >> 6, 0
    while rest >> 7 * count:
        count += 1
    return _sevens(rest, count) + bytes([0x80 | number & 0x3F])


def _sevens(number: int, count: int) -> bytes:
    return bytes(number >> 7 * place & 0x7F for place in range(count - 1, -1, -1))
