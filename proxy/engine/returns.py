"""Whether an entity is back after it had been gone for long: the silence itself is over, and its counts are usual.

Time is that in which the detector had data of anybody: where all are silent together nobody was gone. A silence is as
unusual as a new longest one (the law of records, models/views.py), where nothing shorter than a week is one. What
entities of the detector do now and then is no surprise of one of them: p is no less than the share of buckets with data
in which any of them came back.
"""

import numpy as np

from proxy.engine.columns import Columns, Rows, Slot, tree_of
from proxy.engine.models.grid import WEEK
from proxy.engine.models.views import NOVELTY_MARGIN, p_of_record
from proxy.engine.results import Floats, Ints

# Nobody is gone before a week is over: whom the hour or the day brings comes back.
LEAST_GONE_S = WEEK


class Returns(Columns):
    """When each entity was seen last (in time with data, -1 = never), its longest silence and the buckets it was in."""

    _seen: Ints
    _longest: Floats
    _buckets: Floats

    def __init__(self) -> None:
        # Seconds with data, buckets times entities with data, and how often one of them came back.
        self.lived_s, self.present, self.returned = 0, 0.0, 0.0
        super().__init__(seen=Slot("i8", (), -1), longest=Slot("f4"), buckets=Slot("f4"))

    def p(self, rows: Rows) -> Floats:
        """p of each entity that has data in the next bucket; 1 where it was not gone."""
        excess = self._excess(rows)
        own = p_of_record(self._buckets[rows], np.maximum(excess, 0.0))
        return np.where(excess > 0.0, np.maximum(own, self.returned / (self.present + 1.0)), 1.0)

    def learn(self, rows: Rows, span: int) -> None:
        """Takes a bucket of `span` seconds in which these entities, at least one, have data."""
        self.returned += float(np.count_nonzero(self._excess(rows) > 0.0))
        self.present += len(rows)
        self._longest[rows] = np.maximum(self._longest[rows], self._gone(rows))
        self._buckets[rows] += 1.0
        self._seen[rows] = self.lived_s
        self.lived_s += span

    def _gone(self, rows: Rows) -> Ints:
        seen = self._seen[rows]
        return np.where(seen >= 0, self.lived_s - seen, 0)

    def _excess(self, rows: Rows) -> Floats:
        """How far beyond the longest silence the present one goes, in parts of it; 0 and less where it does not."""
        return self._gone(rows) / np.maximum(self._longest[rows], LEAST_GONE_S) - 1.0 - NOVELTY_MARGIN

    def state(self) -> dict[str, object]:
        """Copies of the arrays and counts, by name."""
        return super().state() | {"lived_s": self.lived_s, "present": self.present, "returned": self.returned}

    def restore(self, tree: object) -> None:
        """Takes over what `state` wrote; raises StateError where something is missing."""
        super().restore(tree)
        counts = tree_of(tree, dict.fromkeys(("lived_s", "present", "returned")))
        self.lived_s = int(str(counts["lived_s"]))
        self.present, self.returned = float(str(counts["present"])), float(str(counts["returned"]))
