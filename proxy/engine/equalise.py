"""The detector equaliser: a detector that often has high scores counts no more than the others.

Per detector a histogram of how large its unusual buckets were (magnitude of ln p, in half units, slowly fading).
A size is lowered to what has the same rank in the median detector, but by no more than half: who is loud because
much is wrong must still be heard. Nothing is raised, for the largest sizes of few buckets say little. Detectors with
fewer than ENOUGH unusual buckets are left as they are, and so is everything while there is only one detector.
"""

import numpy as np

from proxy.engine.normalise import LN_FROM, magnitude
from proxy.engine.results import Floats

ENOUGH = 20.0
MOST_TAKEN = 0.5
BINS = 128
_BIN_WIDTH = 0.5
# Half of what a detector did a thousand unusual buckets ago is forgotten.
_KEEP = 0.5 ** (1.0 / 1000.0)
_EDGES = _BIN_WIDTH * np.arange(BINS + 1)


class Equaliser:
    """The histograms of all detectors of a job, by detector index."""

    def __init__(self) -> None:
        self._sizes: dict[int, Floats] = {}

    def observe(self, ln_p: dict[int, float]) -> None:
        """Learns the ln p of each detector for one bucket; those that found nothing unusual leave no trace."""
        for index, value in ln_p.items():
            size = magnitude(value)
            if size > 0.0:
                known = self._sizes.setdefault(index, np.zeros(BINS)) * _KEEP
                known[min(BINS - 1, int(size / _BIN_WIDTH))] += 1.0
                self._sizes[index] = known

    def level(self, index: int, ln_p: float) -> float:
        """ln p of a detector on the common scale."""
        size = magnitude(ln_p)
        known = {i: s for i, s in self._sizes.items() if s.sum() >= ENOUGH}
        if size <= 0.0 or index not in known or len(known) < 2:
            return ln_p
        rank = float(np.interp(size, _EDGES, _running(known[index])))
        common = float(np.median([np.interp(rank, _running(sizes), _EDGES) for sizes in known.values()]))
        return LN_FROM - min(size, max(common, MOST_TAKEN * size))

    def state(self) -> list[list[object]]:
        """Tree of the histograms."""
        return [[index, sizes.copy()] for index, sizes in sorted(self._sizes.items())]

    def restore(self, tree: list[tuple[int, Floats]]) -> None:
        """Takes over a tree written by `state`."""
        self._sizes = {int(index): np.array(sizes, np.float64) for index, sizes in tree}


def _running(sizes: Floats) -> Floats:
    """Share of the sizes below each edge, strictly growing so that it can be read both ways."""
    share: Floats = np.concatenate([[0.0], np.cumsum(sizes)]) / sizes.sum()
    return share + 1e-9 * np.arange(BINS + 1)
