"""What the parts of a model have in common: storage of their own, and one contract.

A model is composed of components as a regression is of deterministic terms (statsmodels' `DeterministicTerm`): each
owns its columns, which nobody else reads or writes, and answers what it is asked. Those that foretell a part of the
value are terms: `part`, `doubt` and `learn` besides what every component answers: `scale`, `move` and `forget`.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Rows, Store
from proxy.engine.elementwise import is_one, listed
from proxy.engine.frozen import frozen
from proxy.engine.results import Floats, Ints

Mask = NDArray[np.bool_]
# Updates weaker than this do not count as a value seen.
COUNTS_FROM = 0.3


@frozen
class Moment:
    """One bucket and the series asked about it, an element per series.

    `time` is the start of the bucket in epoch seconds, `first` that of the first bucket seen (-1 = none yet), `n` the
    number of values learnt and `age` the seconds since `first`. Of one series alone all of them may be numbers; then
    whatever is asked of a component about the moment, and what it answers, are numbers too (elementwise.py).
    """

    time: int
    rows: Rows
    first: Ints
    n: Floats
    age: Ints

    def only(self, chosen: Rows | Mask) -> "Moment":
        """The same bucket of some of the series; of one series alone, which must be chosen, itself."""
        if is_one(self.rows):
            return self
        return Moment(self.time, self.rows[chosen], self.first[chosen], self.n[chosen], self.age[chosen])

    def listed(self, is_chosen: Mask) -> "Moment":
        """The same bucket of some of the series, in arrays in any case."""
        first, age = listed(self.first, is_chosen), listed(self.age, is_chosen)
        return Moment(self.time, listed(self.rows, is_chosen), first, listed(self.n, is_chosen), age)

    def later(self, seconds: int) -> "Moment":
        """The same series at another time."""
        return Moment(self.time + seconds, self.rows, self.first, self.n, self.age + seconds)


@frozen
class Lesson:
    """What there is to learn from a bucket: one element per series, `predicted` and `scale` predictors x series.

    `noise` is the spread of a well predicted value, `limit` bounds the error a level takes, `bound` that a pattern
    takes; `step` 0..1 scales every update, `trusted` is the step without regard to how odd the value is. `n` counts the
    values learnt before.
    """

    value: Floats
    predicted: Floats
    typical: Floats
    noise: Floats
    scale: Floats
    limit: Floats
    bound: Floats
    step: Floats
    trusted: Floats
    n: Floats


class Component(Columns):
    """A part of a model. What it does not answer to leaves it as it is."""

    def scale(self, rows: Rows, by: Floats) -> None:
        """The patterns of these series have become `by` times as strong (one factor each)."""

    def move(self, rows: Rows, seconds: int) -> None:
        """The clocks of these series have changed: expect at t what was expected at t + seconds."""

    def forget(self, rows: Rows) -> None:
        """What was gathered of these series so far says nothing any more."""


class Term(Component):
    """A component that adds to the level what it knows of a time."""

    def part(self, at: Moment) -> Floats:
        """What it adds to the level, in units of the value; 0 where it knows nothing."""
        raise NotImplementedError

    def doubt(self, at: Moment) -> Floats:
        """Variance, in units of that of the noise, that its errors add to a prediction."""
        raise NotImplementedError

    def learn(self, at: Moment, lesson: Lesson, off: Floats) -> None:
        """Takes its part of `off`, what all terms together leave of a value."""
        raise NotImplementedError


class Model(Store):
    """Components that together tell what to expect of a number."""

    def __init__(self, **components: Component) -> None:
        super().__init__(**components)
        self._components = tuple(components.values())

    def move(self, rows: Rows, seconds: int) -> None:
        """Moves all patterns of these series in time: expect at t what was expected at t + seconds."""
        for component in self._components:
            component.move(rows, seconds)
