"""How much a step may take on, so that the jobs of one place alternate and a step soon gives a sign of progress."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.engine import Batch, Column

# Around a second of work for a model of thousands of series.
STEP_ROWS = 20_000
_FIRST_BUCKETS = 64
_MOST_BUCKETS = 8192
# Between the two nothing needs to change.
_SHORT_S, _LONG_S = 0.2, 1.0


class Pace:
    """How many buckets the next step of a job may finish: more after short steps, fewer after long ones."""

    def __init__(self) -> None:
        self.buckets = _FIRST_BUCKETS

    def took(self, seconds: float, finished: int) -> None:
        if seconds > _LONG_S:
            self.buckets = max(1, self.buckets // 2)
        elif seconds < _SHORT_S and finished >= self.buckets:
            self.buckets = min(_MOST_BUCKETS, self.buckets * 2)


def slices(batch: Batch) -> Iterator[Batch]:
    """The rows of a batch by steps; an empty batch is one step."""
    for start in range(0, max(1, len(batch.time)), STEP_ROWS):
        part = slice(start, start + STEP_ROWS)
        yield Batch(
            time=batch.time[part],
            text={name: Column(column.codes[part], column.values) for name, column in batch.text.items()},
            numbers={name: values[part] for name, values in batch.numbers.items()},
        )
