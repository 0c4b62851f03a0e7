"""A model as bytes: a header of counters before the engine's own state. Where they are kept is the store's matter."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.engine import StateError
from proxy.engine import state as engine_state
from proxy.errors import status_error

# What snapshots bear as their min_version, by the version of the engine's state that is in them: the first build that
# reads them has that number. Whoever raises the engine's version adds a row, and keeps a state of the last release in
# tests/runtime/states.
MIN_VERSIONS = {7: "8.3.0"}
MIN_VERSION = MIN_VERSIONS[engine_state.VERSION]
_STATE_VERSION = 1
_HEAD_BYTES = 4

Header = Mapping[str, Any]


def pack(header: Header, state: bytes) -> bytes:
    head = orjson.dumps({"version": _STATE_VERSION, **header})
    return len(head).to_bytes(_HEAD_BYTES, "little") + head + zlib.compress(state, 1)


def unpack(model: bytes) -> tuple[Header, bytes]:
    """The header and the engine's state.

    Raises:
        MlError: 400 for what no build of this product wrote, or another one did.
    """
    try:
        header, end = _header(model)
        version = header["version"]
        state = zlib.decompress(model[end:]) if version == _STATE_VERSION else b""
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        text = "the stored model was not written here: revert to another snapshot or reset the job"
        raise status_error(text, 400) from error
    if version != _STATE_VERSION:
        text = f"the stored model has version [{version}], this build reads [{_STATE_VERSION}]: reset the job"
        raise status_error(text, 400)
    return header, state


def check(model: bytes) -> None:
    """
    Raises:
        MlError: 400 for a model that ``unpack``, or the engine, would not read.
    """
    _, state = unpack(model)
    try:
        engine_state.check(state)
    except StateError as error:
        raise status_error(str(error), 400) from error


def entries_in(model: bytes) -> int:
    """The number of the first journal entry that the model does not contain; 0 where it does not tell."""
    try:
        header, _ = _header(model)
        return int(header.get("sequence", 0))
    except (ValueError, AttributeError):
        return 0  # not ours; ``unpack`` says so


def _header(model: bytes) -> tuple[Header, int]:
    """The header, and where the engine's state begins."""
    end = _HEAD_BYTES + int.from_bytes(model[:_HEAD_BYTES], "little")
    return orjson.loads(model[_HEAD_BYTES:end]), end


def is_too_old(min_version: str) -> bool:
    """Whether a snapshot of that version can only hold a model that nobody reads here any more."""
    return _numbers(min_version) < min(map(_numbers, MIN_VERSIONS.values()))


def is_too_new(min_version: str) -> bool:
    """Whether a snapshot says that it takes a newer build to read it."""
    return _numbers(min_version) > max(map(_numbers, MIN_VERSIONS.values()))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
