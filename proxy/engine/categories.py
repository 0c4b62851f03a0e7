"""Messages to mlcategory: runs the categorizer over accepted rows and adds its ids as a text column."""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.categorize import Categorizer
from proxy.engine.results import Batch, Column, Document
from proxy.engine.spec import CATEGORY_FIELD, CategorizationSpec


class Categories:
    """The categorizer of a job that has a categorization field."""

    def __init__(self, spec: CategorizationSpec) -> None:
        self.field = spec.field
        self.model = Categorizer.from_spec(spec)

    def add_to(self, batch: Batch, accepted: NDArray[np.bool_], *, room: float) -> Batch:
        """The batch with mlcategory; rows not accepted, without message or without category have none.

        New categories may take `room` bytes.
        """
        column = batch.text.get(self.field)
        codes = np.full(len(batch.time), -1, np.int32)
        texts: list[str] = []
        if column is not None:
            rows = np.flatnonzero(accepted & (np.asarray(column.codes) >= 0))
            ids = self.model.categorise(
                [column.values[c] for c in column.codes[rows].tolist()],
                self._partitions(batch, rows),
                room=room,
            )
            found, inverse = np.unique(ids, return_inverse=True)
            texts = [str(i) for i in found.tolist()]
            codes[rows] = np.where(ids >= 0, inverse.reshape(-1), -1)
        return Batch(batch.time, {**batch.text, CATEGORY_FIELD: Column(codes, texts)}, batch.numbers)

    def _partitions(self, batch: Batch, rows: NDArray[np.intp]) -> list[str] | None:
        name = self.model.partition_field_name
        if name is None:
            return None
        column = batch.text.get(name)
        if column is None:
            return [""] * len(rows)
        return [column.values[c] if c >= 0 else "" for c in np.asarray(column.codes)[rows].tolist()]

    def stats(self) -> Document:
        """Category counts over all partitions."""
        return self.model.total_stats()
