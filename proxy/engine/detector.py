"""What every detector of a job is, whatever it models: its entities' names, its rules, and how both are saved.

The two families are series_detector.py (an entity has a value in every bucket) and group_detector.py (only what is
present in a bucket is judged). What job.py asks of either is findings.DetectorModel.
"""

import numpy as np

from proxy.engine.buckets import aggregate
from proxy.engine.columns import Rows
from proxy.engine.findings import BucketView
from proxy.engine.registry import Prepared, Registry
from proxy.engine.results import Document, Floats
from proxy.engine.rows import RowSet
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec
from proxy.engine.state import StateError

# Features that grow with the number of records: those of half a bucket say little of the whole.
SUM_LIKE = frozenset({"count", "sum", "distinct_count", "info_content"})


class Detector:
    """State and steps that all detectors share; `buckets` counts those learnt."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        self.spec, self.job, self.rules = spec, job, rules
        self.registry = Registry()
        self.buckets = 0

    def prepare(self, rows: RowSet, weights: Floats | None) -> Prepared:
        """Aggregates rows of any number of buckets; `weights` is the records each row stands for, None = one."""
        groups = aggregate(rows, self.spec, self.job.bucket_span, weights)
        return self.registry.prepare(groups, rows, self.spec)

    def configure(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        """Takes over changed rules and settings; what is learnt stays."""
        self.spec, self.job, self.rules = spec, job, rules

    def _partitions(self, rows: Rows) -> Rows:
        """Number of the partition of each series."""
        return np.array(self.registry.partition_of, np.intp)[rows]

    def _key_columns(self, rows: Rows) -> dict[str, tuple[Rows, list[str]]]:
        """The values rules look at, by field: (number of each series' value, texts)."""
        named = ((self.spec.partition, 0), (self.spec.by, 1))
        return {f: (rows, [k[place] for k in self.registry.keys]) for f, place in named if f}

    def _names(self, row: int, over: str | None = None) -> Document:
        """The fields of a document that say which entity it is of."""
        partition, by = self.registry.keys[row]
        named = (
            (self.spec.partition, "partition", partition),
            (self.spec.over, "over", over or ""),
            (self.spec.by, "by", by),
        )
        return {
            f"{role}_field_{what}": text
            for field, role, value in named
            if field
            for what, text in (("name", field), ("value", value))
        }

    def _plot_head(self, view: BucketView) -> Document:
        return {"bucket_span": self.job.bucket_span, "detector_index": self.spec.index, "timestamp": view.time * 1000}

    def _shared_state(self) -> dict[str, object]:
        return {"keys": self.registry.state(), "buckets": self.buckets}

    def _restore_shared(self, tree: dict[str, object]) -> None:
        self.registry.restore(dict_of(tree, "keys"))
        self.buckets = int(str(tree["buckets"]))

    def _shared_bytes(self) -> int:
        return self.registry.name_bytes


def completed(value: Floats, typical: Floats, completeness: float) -> Floats:
    """Values of a bucket of which only a part (0..1) has come, moved towards what is typical by no more than may still
    come: half a bucket of a sum is no reason to call an entity low.
    """
    return value + np.clip(typical - value, 0.0, np.maximum((1.0 - completeness) * typical, 0.0))


def dict_of(tree: dict[str, object], name: str) -> dict[str, object]:
    """A part of a saved tree that must be a dict; raises StateError where it is none."""
    part = tree.get(name)
    if not isinstance(part, dict):
        raise StateError(f"engine state lacks [{name}] of a detector: it was written by another version")
    return part


def list_of(tree: dict[str, object], name: str) -> list[object]:
    """A part of a saved tree that must be a list; raises StateError where it is none."""
    part = tree.get(name)
    if not isinstance(part, list):
        raise StateError(f"engine state lacks [{name}] of a detector: it was written by another version")
    return part
