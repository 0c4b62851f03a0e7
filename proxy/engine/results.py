"""What goes into and comes out of the engine: columnar batches in, documents in the public key names out.

Documents carry no job_id, ids or result_type; the store adds those.
"""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """A text field of a batch: `codes[i]` indexes `values`, -1 = missing."""

    codes: Codes
    values: list[str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as columns: `time` in epoch seconds, any order; NaN = missing number."""

    time: Ints
    text: dict[str, Column] = field(default_factory=dict)
    numbers: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rescored:
    """An earlier result whose score changed: `identity` holds the fields that name the document."""

    kind: str
    identity: Document
    score: float


@dataclass(slots=True)
class Results:
    """Everything one call produced. Counts are those of this call alone; times are epoch ms or None."""

    buckets: list[Document] = field(default_factory=list)
    records: list[Document] = field(default_factory=list)
    influencers: list[Document] = field(default_factory=list)
    model_plots: list[Document] = field(default_factory=list)
    categories: list[Document] = field(default_factory=list)
    annotations: list[Document] = field(default_factory=list)
    forecasts: list[Document] = field(default_factory=list)
    rescored: list[Rescored] = field(default_factory=list)
    processed: int = 0
    out_of_order: int = 0
    missing_field_count: int = 0
    bucket_count: int = 0
    empty_bucket_count: int = 0
    sparse_bucket_count: int = 0
    skipped_bucket_count: int = 0
    earliest_record_ms: int | None = None
    latest_record_ms: int | None = None
    latest_empty_bucket_ms: int | None = None
    latest_sparse_bucket_ms: int | None = None

    def extend(self, later: "Results") -> None:
        """Adds what a later call produced."""
        for f in fields(self):
            mine, other = getattr(self, f.name), getattr(later, f.name)
            if isinstance(mine, list):
                mine.extend(other)
            elif f.name.endswith("_ms"):
                if other is not None:
                    pick = min if f.name.startswith("earliest") else max
                    setattr(self, f.name, other if mine is None else pick(mine, other))
            else:
                setattr(self, f.name, mine + other)
