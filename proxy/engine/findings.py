"""What a detector says about one bucket: all its probabilities, and the few worth explaining."""

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proxy.engine.functions import Function
from proxy.engine.registry import Prepared
from proxy.engine.results import Document, Floats
from proxy.engine.rows import RowSet
from proxy.engine.rules import BucketEffect, RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec


@dataclass(frozen=True, slots=True)
class BucketView:
    """One bucket of one detector's groups; `completeness` < 1 only for interim results."""

    time: int
    bucket: int
    rows: RowSet
    weights: Floats | None
    prepared: Prepared
    effect: BucketEffect
    completeness: float = 1.0
    is_interim: bool = False
    # Bytes that new series may take.
    room: float = math.inf

    @property
    def may_grow(self) -> bool:
        """False when memory is used up."""
        return self.room > 0

    @property
    def may_add(self) -> bool:
        """True if series not seen before may be added."""
        return self.may_grow and not self.is_interim

    def most_new(self, bytes_each: int) -> float:
        """How many series of this size may be added, interim or not: the last one passes the limit."""
        return math.ceil(self.room / bytes_each) if math.isfinite(self.room) else self.room

    @property
    def span(self) -> slice:
        """The groups of this bucket."""
        return self.prepared.groups.of_bucket(self.bucket)


@dataclass(frozen=True, slots=True)
class Finding:
    """One anomalous entity (p below the writing threshold), ready to become a record."""

    detector: DetectorSpec
    part: Function
    partition: str | None
    by: str | None
    over: str | None
    p: float
    multi_bucket_impact: float | None
    actual: list[float]
    typical: list[float]
    explanation: Document | None
    youth: float = 1.0
    causes: list[Document] | None = None
    geo: Document | None = None
    # False where a rule keeps it from the model, and where it only goes on: the history of scores leaves it out.
    is_learnt: bool = True
    # field -> value -> 0..1, strongest first
    influences: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A detector's view of one bucket: p and partition of every entity, and what stands out."""

    p: Floats
    partition: NDArray[np.int64]
    findings: list[Finding]
    plots: list[Document]
    annotations: list[Document] = field(default_factory=list)
    # Entities turned away because memory is used up.
    refused: int = 0
    # Which of p could have been unusual at all; None = all of them.
    is_telling: NDArray[np.bool_] | None = None

    @classmethod
    def empty(cls) -> "Judgement":
        """Nothing there, nothing unusual."""
        return cls(np.empty(0), np.empty(0, np.int64), [], [])


class DetectorModel(Protocol):
    """What job.py asks of the model of one detector."""

    spec: DetectorSpec

    def prepare(self, rows: RowSet, weights: Floats | None) -> Prepared:
        """Aggregates rows; may be called for any number of buckets at once."""

    def step(self, view: BucketView) -> Judgement:
        """Judges a bucket and, unless it is interim, learns it."""

    def prune(self, before: int) -> None:
        """Forgets entities without data since `before` (epoch seconds)."""

    def configure(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        """Takes over changed rules and settings; what is learnt stays."""

    def entity_counts(self) -> tuple[int, int, int]:
        """How many by, partition and over values are modelled."""

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""

    def nbytes(self) -> int:
        """Bytes of the model."""
