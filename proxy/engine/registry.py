"""Which series is which: (partition, by) values to row numbers of a model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.buckets import Groups
from proxy.engine.results import Codes
from proxy.engine.rows import RowSet
from proxy.engine.spec import DetectorSpec

Key = tuple[str, str]
# A tuple, two dict entries and the row number.
BYTES_A_NAME = 120
# A value present in more than this share of the buckets is frequent for exclude_frequent.
_FREQUENT_FROM = 0.3
_FREQUENT_AFTER = 20


def is_frequent(seen: NDArray[np.integer], buckets: int) -> NDArray[np.bool_]:
    """Which values, seen in so many of the buckets, exclude_frequent leaves out."""
    return (seen > _FREQUENT_FROM * buckets) & (buckets > _FREQUENT_AFTER)


@dataclass(slots=True)
class Prepared:
    """Groups of one detector over a row set, with the series each belongs to (-1 = not known yet)."""

    groups: Groups
    pair_of_group: NDArray[np.intp]
    keys: list[Key]
    rows: NDArray[np.intp]
    # Rows are renumbered when series are forgotten: of which numbering are these?
    version: int


class Interner:
    """Numbers for text values, in order of first appearance (within a bucket: sorted), with buckets seen."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}
        self._seen: list[int] = []
        self._active: list[int] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._code)

    def codes_of(self, local: Codes, values: list[str], *, may_add: bool) -> NDArray[np.intp]:
        """Numbers of a bucket's local codes (-1 = the empty text); without `may_add` new values get numbers
        of their own for this call only, from `len(self)` on."""
        used, inverse = np.unique(local, return_inverse=True)
        texts = [values[c] if c >= 0 else "" for c in used.tolist()]
        # A missing value and an empty text are one name.
        fresh = sorted({t for t in texts if t not in self._code})
        added = {t: len(self._code) + i for i, t in enumerate(fresh)}
        if may_add:
            self._code |= added
            self._seen.extend([0] * len(fresh))
            self._active.extend([0] * len(fresh))
            self._bytes += sum(BYTES_A_NAME + len(t) for t in fresh)
        return np.array([self._code[t] if t in self._code else added[t] for t in texts], np.intp)[inverse.reshape(-1)]

    def count(self, codes: NDArray[np.intp], time: int) -> None:
        """Notes that these were seen in one more bucket, the one at `time`."""
        for code in codes.tolist():
            if code < len(self._seen):
                self._seen[code] += 1
                self._active[code] = time

    def seen(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Buckets each was seen in."""
        return np.array([self._seen[c] if c < len(self._seen) else 0 for c in codes.tolist()], np.intp)

    def active_since(self, time: int) -> NDArray[np.intp]:
        """Numbers of the values seen at or after `time`."""
        return np.flatnonzero(np.array(self._active, np.int64) >= time)

    def keep(self, codes: NDArray[np.intp]) -> None:
        """Forgets every value not listed; the rest are renumbered in that order."""
        texts, chosen = list(self._code), codes.tolist()
        self._fill([texts[c] for c in chosen], [self._seen[c] for c in chosen], [self._active[c] for c in chosen])

    def _fill(self, texts: list[str], seen: list[int], active: list[int]) -> None:
        self._code = {t: i for i, t in enumerate(texts)}
        self._seen, self._active = seen, active
        self._bytes = sum(BYTES_A_NAME + len(t) for t in texts)

    def nbytes(self) -> int:
        """Bytes of the names."""
        return self._bytes

    def state(self) -> dict[str, object]:
        """The texts in number order, in how many buckets each was seen and when last."""
        return {
            "texts": list(self._code),
            "seen": np.array(self._seen, np.int64),
            "active": np.array(self._active, np.int64),
        }

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        texts, seen, active = tree["texts"], tree["seen"], tree["active"]
        assert isinstance(texts, list) and isinstance(seen, np.ndarray) and isinstance(active, np.ndarray)
        self._fill([str(t) for t in texts], seen.tolist(), active.tolist())


class Registry:
    """Row numbers in order of first appearance: by bucket, then by key, so batching does not matter."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.partition_of: list[int] = []
        self.partitions: dict[str, int] = {}
        self._row: dict[Key, int] = {}
        self.version = 0
        self.name_bytes = 0
        self._active = np.empty(0, np.int64)
        self._seen = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    def prepare(self, groups: Groups, rows: RowSet, detector: DetectorSpec) -> Prepared:
        """Looks up the series of every group."""
        size = len(groups.count)
        partition, by = (np.full(size, -1) if f is None else groups.codes[f] for f in (detector.partition, detector.by))
        width = 1 if detector.by is None else len(rows.text[detector.by].values) + 1
        pairs, pair_of_group = np.unique((partition.astype(np.int64) + 1) * width + by + 1, return_inverse=True)
        partition_values = _values(rows, detector.partition)
        by_values = _values(rows, detector.by)
        keys = [(partition_values[pair // width], by_values[pair % width]) for pair in pairs.tolist()]
        known = np.array([self._row.get(key, -1) for key in keys], np.intp)
        return Prepared(groups, pair_of_group.reshape(-1), keys, known, self.version)

    def rows_of(self, prepared: Prepared, span: slice, *, most_new: float) -> NDArray[np.intp]:
        """Series of each group of one bucket; so many unknown ones are added in key order, the rest stay -1."""
        if prepared.version != self.version:
            prepared.rows = np.array([self._row.get(key, -1) for key in prepared.keys], np.intp)
            prepared.version = self.version
        pairs = prepared.pair_of_group[span]
        rows = prepared.rows[pairs]
        if most_new > 0 and (rows < 0).any():
            missing = sorted(np.unique(pairs[rows < 0]).tolist(), key=lambda p: prepared.keys[p])
            for pair in missing[: int(min(most_new, len(missing)))]:
                prepared.rows[pair] = self.add(prepared.keys[pair])
            rows = prepared.rows[pairs]
        return rows

    def add(self, key: Key) -> int:
        """Row of a key, new or known."""
        row = self._row.get(key)
        if row is None:
            row = self._row[key] = len(self.keys)
            self.keys.append(key)
            self.partition_of.append(self.partitions.setdefault(key[0], len(self.partitions)))
            self.name_bytes += BYTES_A_NAME + len(key[0]) + len(key[1])
        return row

    def touch(self, rows: NDArray[np.intp], time: int) -> None:
        """Notes that these series (repeats count once) had data in the bucket at `time`."""
        if len(self._active) < len(self.keys):
            size = max(len(self.keys), 2 * len(self._active))
            self._active = np.append(self._active, np.full(size - len(self._active), time, np.int64))
            self._seen = np.append(self._seen, np.zeros(size - len(self._seen), np.int64))
        self._active[rows] = time
        self._seen[rows] += 1

    def seen(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Buckets each series had data in."""
        return np.append(self._seen, np.zeros(max(0, len(self.keys) - len(self._seen)), np.int64))[rows]

    def active_since(self, time: int) -> NDArray[np.intp]:
        """Series with data at or after `time`."""
        return np.flatnonzero(self._active[: len(self.keys)] >= time)

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Forgets every series not listed; the rest are renumbered in that order."""
        keys, active, seen = [self.keys[r] for r in rows.tolist()], self._active[rows], self._seen[rows]
        self._fill(keys)
        self._active, self._seen = active, seen
        self.version += 1

    def _fill(self, keys: list[Key]) -> None:
        self.keys, self.partition_of, self.partitions, self._row = [], [], {}, {}
        self.name_bytes = 0
        for key in keys:
            self.add(key)

    def state(self) -> dict[str, object]:
        """The keys in row order, when each had data last and in how many buckets."""
        size = len(self.keys)
        return {
            "keys": [list(k) for k in self.keys],
            "active": self._active[:size].copy(),
            "seen": self._seen[:size].copy(),
        }

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        keys = tree["keys"]
        assert isinstance(keys, list)
        self._fill([(str(partition), str(by)) for partition, by in keys])
        self._active = np.array(tree["active"], np.int64)
        self._seen = np.array(tree["seen"], np.int64)


def _values(rows: RowSet, field: str | None) -> list[str]:
    """Values with the missing one (empty text) first, so that code + 1 indexes."""
    return ["", *([] if field is None else rows.text[field].values)]
