"""Which of several places a job is given to: a pure rule over what each of them holds and does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Places that differ by less are alike: moving a job costs as much as saving and loading its model.
_ALIKE_BYTES = 16 << 20
_ALIKE_SHARE = 0.25
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


@dataclass(frozen=True, slots=True)
class Excess:
    """What the fullest of several places should give to others: its index, and bytes of models."""

    giver: int
    model_bytes: int


def excess(burdens: Sequence[Burden]) -> Excess | None:
    """Half of what the fullest place holds more than the emptiest; None where they are alike.

    Load is left out: it changes by the minute, and jobs would wander.
    """
    held = [burden.model_bytes for burden in burdens]
    if not held:
        return None
    most, least = max(held), min(held)
    if most - least <= max(_ALIKE_BYTES, _ALIKE_SHARE * most):
        return None
    return Excess(held.index(most), (most - least) // 2)
