"""Snapshots of the engine: a versioned header and raw little-endian arrays, compressed. Never pickle.

A tree is dicts with text keys, lists, text, numbers, booleans, None and numpy arrays.
"""

import json
import struct
import zlib

import numpy as np

MAGIC = b"LWES"
# Raise it when a tree changes its shape: a model restored from half its columns would only seem to go on.
VERSION = 7
_LEVEL = 3

Tree = object


class StateError(ValueError):
    """The bytes are not a state this engine can go on from."""


def pack(tree: Tree) -> bytes:
    """Bytes of a tree; equal trees give equal bytes."""
    arrays: list[np.ndarray] = []
    header = json.dumps({"version": VERSION, "tree": _strip(tree, arrays)}).encode()
    body = b"".join([struct.pack("<Q", len(header)), header, *(a.tobytes() for a in arrays)])
    return MAGIC + zlib.compress(body, _LEVEL)


def unpack(data: bytes) -> Tree:
    """The tree written by `pack`; raises StateError for anything else."""
    body, end, tree = _opened(data)
    return _Reader(body, end).fill(tree)


def check(data: bytes) -> None:
    """Raises StateError for what `unpack` would not read."""
    _opened(data)


def _opened(data: bytes) -> tuple[bytes, int, Tree]:
    """The bytes, where their arrays begin, and the tree that those are missing from."""
    if data[:4] != MAGIC:
        raise StateError("not an engine state")
    try:
        body = zlib.decompress(data[4:])
        (length,) = struct.unpack_from("<Q", body)
        header = json.loads(body[8 : 8 + length])
    except (zlib.error, struct.error, ValueError) as broken:
        raise StateError("engine state is damaged") from broken
    version = header["version"]
    if version != VERSION:
        way = ", upgrade Lanewatch to go on with it" if version > VERSION else ""
        raise StateError(f"engine state has version [{version}], this engine reads [{VERSION}]{way}")
    return body, 8 + length, header["tree"]


def _strip(tree: Tree, arrays: list[np.ndarray]) -> Tree:
    if isinstance(tree, np.ndarray):
        array = np.ascontiguousarray(tree)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        arrays.append(array)
        return {"$array": [array.dtype.str, list(array.shape)]}
    if isinstance(tree, dict):
        return {str(k): _strip(v, arrays) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return [_strip(v, arrays) for v in tree]
    if isinstance(tree, np.generic):
        return tree.item()
    return tree


class _Reader:
    def __init__(self, body: bytes, at: int) -> None:
        self.body, self.at = body, at

    def fill(self, tree: Tree) -> Tree:
        if isinstance(tree, list):
            return [self.fill(v) for v in tree]
        if not isinstance(tree, dict):
            return tree
        if "$array" not in tree:
            return {k: self.fill(v) for k, v in tree.items()}
        dtype, shape = tree["$array"]
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(self.body, dtype, count, self.at).reshape(shape).copy()
        self.at += array.nbytes
        return array
