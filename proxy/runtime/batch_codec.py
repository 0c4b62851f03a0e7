"""A batch as compact bytes and back: what the journal keeps of posted data."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from proxy.engine import Batch, Column
from proxy.runtime.ingest import Ingested

_COUNTS = ("input_bytes", "input_field_count", "invalid_date_count", "missing_field_count")
# Journal entries live for minutes and are written on the request path: speed counts more than size.
_LEVEL = 1


def encode_batch(ingested: Ingested) -> bytes:
    """Header (JSON) and the raw columns, little-endian, deflated."""
    batch = ingested.batch
    header = {
        "rows": len(batch.time),
        "text": {name: column.values for name, column in batch.text.items()},
        "numbers": list(batch.numbers),
        "counts": {name: getattr(ingested, name) for name in _COUNTS},
        "replaces": ingested.replaces,
        "post_id": ingested.post_id,
    }
    head = orjson.dumps(header)
    columns = [batch.time.astype("<i8"), *(c.codes.astype("<i4") for c in batch.text.values()),
               *(values.astype("<f8") for values in batch.numbers.values())]  # fmt: skip
    return zlib.compress(b"".join([struct.pack("<I", len(head)), head, *(c.tobytes() for c in columns)]), _LEVEL)


def decode_batch(payload: bytes) -> Ingested:
    raw = zlib.decompress(payload)
    (size,) = struct.unpack_from("<I", raw)
    header = orjson.loads(raw[4 : 4 + size])
    rows, offset = header["rows"], 4 + size

    def take(kind: str, width: int) -> NDArray[Any]:
        nonlocal offset
        column = np.frombuffer(raw, kind, rows, offset)
        offset += rows * width
        return column

    post_id = header.get("post_id", "")
    replaces = tuple(header["replaces"]) if header["replaces"] else None
    time = take("<i8", 8).astype(np.int64)
    text = {name: Column(take("<i4", 4).astype(np.int32), values) for name, values in header["text"].items()}
    numbers = {name: take("<f8", 8).astype(np.float64) for name in header["numbers"]}
    return Ingested(
        Batch(time=time, text=text, numbers=numbers),
        **header["counts"],
        replaces=replaces,
        post_id=post_id,
    )
