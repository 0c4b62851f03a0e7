"""From probabilities to the 0..100 users know: the lowest of five ceilings.

1. noise: how far the score stands out of a score that is always there;
2. percentile of the score in the history of its kind, on the documented knots;
3. relation to the largest recent score of the same scope (a partition value, an influencer value): a tenth at most;
4. absolute: 1e-2 is about 30, 1e-3 about 65, 1e-4 and less 100;
5. maturity of the series.
Of results with the same ceiling the less probable one scores higher by up to a five hundredth. A clearly larger maximum
makes earlier scores of the window smaller: see `Normaliser.rescore`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proxy.engine.probability import SMALLEST
from proxy.engine.results import Document, Rescored

# Scores of probabilities that differ differ by up to this part, and half of it at this -log10 p.
ORDERED_BY, ORDERED_AT = 0.002, 4.0
# So many larger results in the past may be chance: they lower no rank.
UNRANKED = 2.0
# Beside a far larger result of its scope one keeps this part.
BESIDE_LARGEST = 0.9
# Where scores begin, and where the absolute ceiling ends.
LN_FROM, _LN_FULL = float(np.log(0.05)), float(np.log(1e-4))
_KNOT_PERCENTILES = (0.0, 70.0, 85.0, 90.0, 95.0, 97.0, 99.0, 99.9, 100.0)
_KNOT_SCORES = (1.0, 1.0, 1.2, 1.5, 3.0, 20.0, 50.0, 90.0, 100.0)
BINS = 64
_BIN_WIDTH = 0.5
BIG_CHANGE = 1.1
MOST_REMEMBERED = 4000
MOST_SCOPES = 20_000
WORTH_RESCORING = 1.0
# What a series may score that was never seen before.
YOUNGEST = 25.0
_HISTORY_MEMORY = 20000.0
# A standard bucket (half an hour) ages maxima by 2 * 0.0005.
_MAX_DECAY_PER_S = 0.001 / 1800.0


def absolute_ceiling(ln_p: float) -> float:
    """The curve users' alert thresholds rest on."""
    if ln_p >= LN_FROM:
        return 0.0
    return min(100.0, 100.0 * (0.05 + 0.95 * (ln_p - LN_FROM) / (_LN_FULL - LN_FROM)))


def magnitude(ln_p: float) -> float:
    """Size of a score: 0 at p = 0.05, growing with -ln p."""
    return max(0.0, LN_FROM - max(ln_p, float(np.log(SMALLEST))))


def common_youth(anomalies: Sequence[tuple[float, float]]) -> float:
    """The youth of what several anomalies, each (ln p, youth), have in common.

    It is that of the least usual one; of others only as far as they would get by themselves.
    """
    own_reach = ((absolute_ceiling(ln_p) - YOUNGEST) / (100.0 - YOUNGEST) for ln_p, _ in anomalies)
    alone = max(min(youth, reach) for (_, youth), reach in zip(anomalies, own_reach, strict=True))
    return max(min(anomalies)[1], alone)


@dataclass(slots=True)
class _Emitted:
    time: int
    identity: Document
    ln_p: float
    scope: str
    youth: float
    score: float


class Normaliser:
    """Scores of one kind of result (one detector's records, one influencer field, the buckets)."""

    def __init__(self, kind: str, bucket_span: int, window: int) -> None:
        self.kind = kind
        self.span = bucket_span
        self.window = window
        self.history = np.zeros(BINS)
        self.buckets = 0.0
        self.maxima: dict[str, list[float]] = {}
        self._emitted: deque[_Emitted] = deque(maxlen=MOST_REMEMBERED)
        self._grown: set[str] = set()

    def score(self, time: int, ln_p: float, scope: str, youth: float = 1.0) -> float:
        """0..100; `youth` < 1 (a fresh series) lowers what can be reached: 25 at 0, 100 at 1."""
        size = magnitude(ln_p)
        if size <= 0.0:
            return 0.0
        ceilings = (
            self._noise(size),
            self._percentile(size),
            self._relative(time, size, scope),
            absolute_ceiling(ln_p),
            YOUNGEST + (100.0 - YOUNGEST) * youth,
        )
        surprise = -ln_p / float(np.log(10.0))
        order = 1.0 - ORDERED_BY * ORDERED_AT / (surprise + ORDERED_AT)
        return float(max(0.0, min(ceilings) * order))

    def _noise(self, size: float) -> float:
        quiet = self.buckets - float(self.history[1:].sum())
        if self.buckets < 20 or quiet > 0.5 * self.buckets:
            return 100.0
        median = max(_BIN_WIDTH, _BIN_WIDTH * int(np.searchsorted(np.cumsum(self.history), 0.5 * self.buckets)))
        return max(1.0, 1.0 + 100.0 * float(np.log10(max(size / median, 1.0))))

    def _percentile(self, size: float) -> float:
        own = min(BINS - 1, 1 + int(size / _BIN_WIDTH))
        above = float(self.history[own + 1 :].sum()) + 0.5 * float(self.history[own])
        percentile = 100.0 * (1.0 - max(0.0, above - UNRANKED) / (self.buckets + 1.0))
        return float(np.interp(percentile, _KNOT_PERCENTILES, _KNOT_SCORES))

    def _faded(self, time: int, scope: str) -> float:
        size, since = self.maxima.get(scope, (0.0, 0.0))
        return size * float(np.exp(-_MAX_DECAY_PER_S * max(0.0, time - since)))

    def _relative(self, time: int, size: float, scope: str) -> float:
        largest = self._faded(time, scope)
        ratio = 1.0 if largest <= 0.0 else min(1.0, size / largest)
        return 100.0 * (BESIDE_LARGEST + (1.0 - BESIDE_LARGEST) * ratio)

    def observe(
        self, time: int, maxima: dict[str, float], sizes: Sequence[float] | None = None, entities: int = 1
    ) -> None:
        """Learns the bucket at `time`: the largest score per scope, and the scores of its `entities` (`sizes`, by
        default the maxima; the rest are 0). Every entity counts: one of a thousand series must not be measured by
        the loudest of them. More series that are loud at once than usual share what happened: with m of them usual, the
        k-th largest of `sizes` counts (1 + m) / k.
        """
        keep = 1.0 - 1.0 / _HISTORY_MEMORY
        loud = sorted((size for size in (maxima.values() if sizes is None else sizes) if size > 0.0), reverse=True)
        quiet = max(0, entities - len(loud))
        usual = entities * float(self.history[1:].sum()) / max(self.buckets, 1.0)
        self.history *= keep
        self.history[0] += quiet
        counted = 0.0
        for before, size in enumerate(loud):
            count = 1.0 if sizes is None else min(1.0, (1.0 + usual) / (before + 1.0))
            self.history[min(BINS - 1, 1 + int(size / _BIN_WIDTH))] += count
            counted += count
        self.buckets = self.buckets * keep + quiet + counted
        for scope, size in maxima.items():
            if size > 0.0:
                self._raise_maximum(time, scope, size)

    def _raise_maximum(self, time: int, scope: str, size: float) -> None:
        if scope not in self.maxima:
            if len(self.maxima) >= MOST_SCOPES:
                self._drop_old_scopes()
            self.maxima[scope] = [size, float(time)]
            return
        faded = self._faded(time, scope)
        if size > BIG_CHANGE * faded:
            self._grown.add(scope)
        self.maxima[scope] = [max(size, faded), float(time)]

    def _drop_old_scopes(self) -> None:
        """Values that had no anomaly for the longest go: their maxima have faded most."""
        kept = sorted(self.maxima, key=lambda scope: self.maxima[scope][1])[MOST_SCOPES // 2 :]
        self.maxima = {scope: self.maxima[scope] for scope in kept}

    def remember(self, time: int, identity: Document, ln_p: float, *, scope: str, youth: float, score: float) -> None:
        """Keeps a final result so that it can be rescored while it is inside the window."""
        self._emitted.append(_Emitted(time, identity, ln_p, scope, youth, score))

    def rescore(self, now: int) -> list[Rescored]:
        """Earlier results of the scopes whose maximum grew clearly, with scores that moved by more than 1."""
        while self._emitted and self._emitted[0].time < now - self.window:
            self._emitted.popleft()
        if not self._grown:
            return []
        changed = []
        for item in self._emitted:
            if item.scope not in self._grown or item.time >= now:
                continue
            score = self.score(item.time, item.ln_p, item.scope, item.youth)
            if abs(score - item.score) > WORTH_RESCORING:
                item.score = score
                changed.append(Rescored(self.kind, item.identity, score))
        self._grown.clear()
        return changed

    def state(self) -> dict[str, object]:
        """Tree of the learnt history, the maxima and the results still open to rescoring."""
        return {
            "history": self.history.copy(),
            "buckets": self.buckets,
            "maxima": [[k, *v] for k, v in self.maxima.items()],
            "emitted": [[e.time, e.identity, e.ln_p, e.scope, e.youth, e.score] for e in self._emitted],
            "grown": sorted(self._grown),
        }

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        self.history = np.array(tree["history"], np.float64)
        self.buckets = float(str(tree["buckets"]))
        maxima, emitted, grown = tree["maxima"], tree["emitted"], tree["grown"]
        assert isinstance(maxima, list) and isinstance(emitted, list) and isinstance(grown, list)
        self.maxima = {k: [size, time] for k, size, time in maxima}
        self._emitted = deque((_Emitted(*e) for e in emitted), MOST_REMEMBERED)
        self._grown = set(grown)
