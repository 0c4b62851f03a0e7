"""Which of several places a job is given to: a pure rule over what each of them holds and does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# What a job is counted as at least: one that has learnt nothing yet soon will.
LEAST_JOB_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Burden:
    """Of one place: its jobs, the bytes of their models, and the share of its time that it computes, from 0 to 1."""

    jobs: int
    model_bytes: int
    load: float


def lightest(burdens: Sequence[Burden]) -> int:
    """The index of the place to give the next job to.

    Its share of all models' memory and its load count alike: a place is as full as what it will run out of. Where that
    is the same, fewer jobs decide, then the order. Raises ValueError where there is no place.
    """
    most_bytes = max((burden.model_bytes for burden in burdens), default=0) or 1
    return min(
        range(len(burdens)),
        key=lambda index: (
            round(burdens[index].model_bytes / most_bytes + burdens[index].load, 1),
            burdens[index].jobs,
            index,
        ),
    )
