"""How many records a bucket usually holds: what tells how complete an open one is.

One per job, fed with every bucket, so it is kept in plain numbers: arrays of one element are slow.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from proxy.engine.models.grid import Grid

# Visits after which a mean forgets: about a week of days, a month of weeks.
DAY_VISITS, WEEK_VISITS = 8, 4
LEAST_MEMORY = 60
# How the last buckets compare is told by those of three hours, whether guesses are good by those of a day;
# by no fewer buckets than these.
LEAST_RECENT, LEAST_JUDGED = 6.0, 24.0


@dataclass(slots=True)
class _Table:
    """Means by cell, and recent means of what was counted and of what the cells had said.

    A list of so many floats would be most of what a small job keeps beside its model.
    """

    means: "array[float]"
    visits: list[int]
    counted: float = 0.0
    guessed: float = 0.0


class Volume:
    """Means of all buckets, of those at a time of the day and of those at a time of the week.

    Each is a guess as it is, and another in proportion to how the last buckets compared with it. The guess that has
    erred least of late is believed.
    """

    def __init__(self, span: int) -> None:
        self._grid = grid = Grid.of(span)
        self._tables = [_Table(array("d", bytes(8 * bins)), [0] * bins) for bins in (1, grid.day_bins, grid.week_bins)]
        self._memories = (
            max(LEAST_MEMORY, int(DAY_VISITS * grid.day_buckets)),
            DAY_VISITS * grid.day_visit,
            WEEK_VISITS * grid.week_visit,
        )
        self._errors = [0.0] * (2 * len(self._tables))
        self._buckets = 0

    def expected(self, time: int) -> float:
        """Records that the bucket at `time` should hold; 0 before the first."""
        plain, in_proportion = self._guesses(time)
        return min(zip(self._errors, plain + in_proportion, strict=True), key=lambda judged: judged[0])[1]

    def learn(self, time: int, count: int) -> None:
        """Takes what the bucket at `time` held."""
        plain, in_proportion = self._guesses(time)
        self._buckets += 1
        judged = 1.0 / min(self._buckets, max(LEAST_JUDGED, self._grid.day_buckets))
        for i, guess in enumerate(plain + in_proportion):
            self._errors[i] += judged * (abs(count - guess) - self._errors[i])
        recent = 1.0 / min(self._buckets, max(LEAST_RECENT, self._grid.day_buckets / 8))
        for (table, cell), guess, memory in zip(self._cells(time), plain, self._memories, strict=True):
            table.counted += recent * (count - table.counted)
            table.guessed += recent * (guess - table.guessed)
            table.visits[cell] = min(table.visits[cell] + 1, memory)
            table.means[cell] += (count - table.means[cell]) / table.visits[cell]

    def _cells(self, time: int) -> Iterator[tuple[_Table, int]]:
        return zip(self._tables, (0, *self._grid.bins(time)), strict=True)

    def _guesses(self, time: int) -> tuple[list[float], list[float]]:
        """What each table says, and that in proportion; a cell never visited leaves it to the table before."""
        plain, in_proportion, mean = [], [], 0.0
        for table, cell in self._cells(time):
            mean = table.means[cell] if table.visits[cell] else mean
            plain.append(mean)
            in_proportion.append(mean * table.counted / table.guessed if table.guessed > 0 else mean)
        return plain, in_proportion

    def state(self) -> dict[str, object]:
        """Tree of all numbers."""
        return {"tables": [_tree(table) for table in self._tables], "errors": self._errors, "buckets": self._buckets}

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree."""
        tables, errors, buckets = tree["tables"], tree["errors"], tree["buckets"]
        assert isinstance(tables, list) and isinstance(errors, list) and isinstance(buckets, int)
        self._tables = [_Table(**{**table, "means": array("d", table["means"])}) for table in tables]
        self._errors, self._buckets = errors, buckets


def _tree(table: _Table) -> dict[str, object]:
    return {
        "means": table.means.tolist(),
        "visits": list(table.visits),
        "counted": table.counted,
        "guessed": table.guessed,
    }
