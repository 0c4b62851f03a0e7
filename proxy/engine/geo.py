"""Places on the earth: the function lat_long.

Here: reading "lat,lon" texts, and how unusual the places of a bucket are for their series.
Not here: which place belongs to which series, and records.

    parse_points(texts) -> float64[n, 2] of (latitude, longitude) degrees; NaN where a text is no point
    Places()
    .grow_to(row_count)
    .score(rows, group, points) -> PlaceScores       learns nothing
    .learn(rows, group, points)
        One bucket at a time. rows: int[g], the model row of each group; group: int[n], the group 0..g-1 of each
        point; points: float64[n, 2], NaN points are ignored. Without a population a group *is* a row; in a
        population groups are over entities and rows may repeat.
    .keep(rows) / .reset(rows);  .state() / Places.from_state(state);  .nbytes; .size

Each series keeps up to eight clusters (weight, centre, covariance in degrees on the local plane) as of online
k-means: a point within four standard deviations of a cluster joins it, otherwise it founds one, for which the
two nearest clusters (least growth of squared error) merge if all eight are taken. How far a point is out,

    d = min over clusters of sqrt(mahalanobis^2 + 2 ln(heaviest weight / its weight)),

means what the past says it means. A group is as far out as its farthest point, and a decayed histogram of log2 of
that distance, bucket by bucket, with a Pareto tail beyond its 98th percentile says how often this happens, blended
with twenty imagined buckets of a round cloud whose covariance is known from half the visits (or from half the points
of the cluster the distance is measured from, if those are fewer), a Student's t. After n
visits (buckets) no claim is bolder than p = 0.1 / (n + 1)^2; within the first twelve p is raised to the power
(n / 12)^2 and the histogram, which would only record how places were found, is left empty.

When it fails: a series that travels has no places; its tail grows until nothing is unusual.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.geo_tail import BINS, learn_tail, tail_probability

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CLUSTERS = 8
# About a hundred metres: closer than that, two places are one.
SMALLEST_SPREAD_DEG = 1e-3
# A cluster of one point is assumed to be this wide, relative to everywhere the series has been.
FIRST_SPREAD_SHARE = 0.2
# A new cluster's assumed spread counts like this many of its points.
PRIOR_POINTS = 1.0
JOIN_WITHIN = 4.0
MEMORY_POINTS = 2000.0
# Below this share of the weight a cluster is no place to call typical.
TYPICAL_SHARE = 0.05
WARM_UP_VISITS = 12.0
# Two dozen visits to one place cannot make another one a chance of one in a million.
BOLDEST = 0.1
# More points (or over entities) of one row in one bucket are learnt by an even sample.
MOST_PER_ROW = 16

_POINT = re.compile(r"\s*([-+]?\d[\d.eE+-]*|[-+]?\.\d+)\s*,\s*([-+]?\d[\d.eE+-]*|[-+]?\.\d+)\s*")


@dataclass(frozen=True, slots=True)
class PlaceScores:
    """Per group: probability; actual = its farthest point; typical = the nearest usual place of its row.

    A group without points has p = 1 and NaN places, one of a new row p = 1 and no typical place.
    """

    probability: Floats
    actual: Floats
    typical: Floats


def parse_points(texts: Sequence[str]) -> Floats:
    """(latitude, longitude) of each "lat,lon"; NaN for anything else or outside -90..90, -180..180."""
    points = np.full((len(texts), 2), np.nan)
    for i, text in enumerate(texts):
        found = _POINT.fullmatch(text)
        if found is None:
            continue
        try:
            latitude, longitude = float(found[1]), float(found[2])
        except ValueError:
            continue
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            points[i] = latitude, longitude
    return points


def _plane_offset(points: Floats, centres: Floats) -> Floats:
    """Degrees north and east from centres to points, east scaled to the length of a degree there."""
    return np.stack(_north_east(points, centres), axis=-1)


def _north_east(points: Floats, centres: Floats) -> tuple[Floats, Floats]:
    """The two parts of that offset."""
    north = points[..., 0] - centres[..., 0]
    east = (points[..., 1] - centres[..., 1] + 180.0) % 360.0 - 180.0
    return north, east * np.cos(np.radians(centres[..., 0]))


def _moved(centres: Floats, offset: Floats) -> Floats:
    """Centres moved by an offset in the local plane."""
    stretch = np.maximum(np.cos(np.radians(centres[..., 0])), 1e-6)
    longitude = (centres[..., 1] + offset[..., 1] / stretch + 180.0) % 360.0 - 180.0
    return np.stack([np.clip(centres[..., 0] + offset[..., 0], -90.0, 90.0), longitude], axis=-1)


_COLUMNS: dict[str, tuple[int, ...]] = {
    "visits": (),
    "points": (),
    "weight": (CLUSTERS,),
    "centre": (CLUSTERS, 2),
    "scatter": (CLUSTERS, 3),  # weighted sums of north^2, north east, east^2 around the centre
    "spread2": (),  # mean squared distance from home, over everything
    "tail": (BINS,),
}


class Places:
    """Usual places of many series."""

    def __init__(self) -> None:
        self.size = 0
        self._columns: dict[str, Floats] = {name: np.zeros((0, *shape)) for name, shape in _COLUMNS.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare capacity included."""
        return sum(column.nbytes for column in self._columns.values())

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one series."""
        return sum(column.itemsize * math.prod(column.shape[1:]) for column in self._columns.values())

    def grow_to(self, row_count: int) -> None:
        """Make room for rows up to row_count; new ones have no places."""
        capacity = self._columns["points"].shape[0]
        if row_count > capacity:
            added = max(row_count, 2 * capacity) - capacity
            for name, column in self._columns.items():
                self._columns[name] = np.concatenate([column, np.zeros((added, *column.shape[1:]))])
        self.size = max(self.size, row_count)

    def reset(self, rows: Ints) -> None:
        """Forget these rows' places."""
        for column in self._columns.values():
            column[rows] = 0

    def keep(self, rows: Ints) -> None:
        """Keep only these rows, renumbered in the given order."""
        self._columns = {name: column[rows] for name, column in self._columns.items()}
        self.size = len(rows)

    def score(self, rows: Ints, group: Ints, points: Floats) -> PlaceScores:
        """How unusual the farthest point of each group is."""
        group, points = _known(group, points)
        distance2, out, weight = self._distances(np.asarray(rows)[group], points)
        present, farthest = _farthest(group, out)
        row = np.asarray(rows)[present]
        visits = self._columns["visits"][row]
        known_by = np.minimum(visits, weight[farthest])
        p = tail_probability(self._columns["tail"][row], np.sqrt(out[farthest]), known_by)
        p = np.maximum(p, BOLDEST / (visits + 1.0) ** 2)
        probability = np.ones(len(rows))
        probability[present] = p ** np.minimum(1.0, (visits / WARM_UP_VISITS) ** 2)
        actual, typical = np.full((len(rows), 2), np.nan), np.full((len(rows), 2), np.nan)
        actual[present] = points[farthest]
        typical[present] = self._nearest_place(row, distance2[farthest])
        return PlaceScores(probability, actual, typical)

    def learn(self, rows: Ints, group: Ints, points: Floats) -> None:
        """Add a bucket; what belongs to one row is learnt one after the other in the given order."""
        group, points = _known(group, points)
        row = np.asarray(rows, np.int64)[group]
        _, out, _ = self._distances(row, points)
        _, farthest = _farthest(group, out)
        # Over entities come in any order; learning from near to far makes the model independent of it.
        visits = farthest[np.argsort(out[farthest], kind="stable")]
        for turn in _turns(row[visits]):
            self._learn_visits(row[visits][turn], np.sqrt(out[visits][turn]))
        for turn in _turns(row):
            self._learn_distinct(row[turn], points[turn])

    def state(self) -> dict[str, Floats]:
        """Everything needed to go on bit-exactly."""
        return {name: column[: self.size].copy() for name, column in self._columns.items()}

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Places:
        """The inverse of state()."""
        places = cls()
        places._columns = {name: state[name].copy() for name in _COLUMNS}
        places.size = places._columns["points"].shape[0]
        return places

    def _distances(self, row: Ints, point: Floats) -> tuple[Floats, Floats, Floats]:
        """Per point: squared Mahalanobis distance to each cluster (inf if unused), d^2 as above, and the weight of
        the cluster it is measured from."""
        weight = self._columns["weight"][row]
        distance2 = self._mahalanobis2(row, point, weight)
        heaviest = weight.max(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            penalty = np.where(weight > 0, 2 * np.log(heaviest / weight), np.inf)
        nearest = np.argmin(distance2 + penalty, axis=1)
        each = np.arange(len(nearest))
        out = (distance2 + penalty)[each, nearest]
        return distance2, np.where(np.isfinite(out), out, 0.0), weight[each, nearest]

    def _mahalanobis2(self, row: Ints, point: Floats, weight: Floats) -> Floats:
        """Per point and cluster, inf if that is unused; `weight` are those of the clusters."""
        north, east = _north_east(point[:, None, :], self._columns["centre"][row])
        a, b, c = self._covariance(row, weight)
        determinant = np.maximum(a * c - b * b, 1e-300)
        distance2 = (c * north**2 - 2 * b * north * east + a * east**2) / determinant
        return np.where(weight > 0, np.maximum(distance2, 0.0), np.inf)

    def _covariance(self, row: Ints, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """north^2, north east and east^2 per cluster, shrunk to a round prior."""
        least = SMALLEST_SPREAD_DEG**2
        prior2 = np.maximum(FIRST_SPREAD_SHARE**2 * self._columns["spread2"][row], least)[:, None]
        scatter, total = self._columns["scatter"][row], weight + PRIOR_POINTS
        north, both, east = (scatter[..., i] for i in range(3))
        # However often the very same point comes: no cluster is narrower than a place.
        return (
            (north + PRIOR_POINTS * prior2) / total + least,
            both / total,
            (east + PRIOR_POINTS * prior2) / total + least,
        )

    def _nearest_place(self, row: Ints, distance2: Floats) -> Floats:
        weight = self._columns["weight"][row]
        is_place = (weight >= TYPICAL_SHARE * weight.sum(axis=1, keepdims=True)) & (weight > 0)
        nearest = np.argmin(np.where(is_place, distance2, np.inf), axis=1)
        centre = self._columns["centre"][row, nearest]
        return np.where(is_place.any(axis=1)[:, None], centre, np.nan)

    def _learn_visits(self, row: Ints, distance: Floats) -> None:
        """Add one bucket's distance to each of distinct rows."""
        columns = self._columns
        is_settled = columns["visits"][row] >= WARM_UP_VISITS
        columns["tail"][row] = learn_tail(columns["tail"][row], distance, is_settled)
        columns["visits"][row] += 1.0

    def _learn_distinct(self, row: Ints, point: Floats) -> None:
        """Add one point to each of distinct rows."""
        columns = self._columns
        distance2 = self._mahalanobis2(row, point, columns["weight"][row])
        is_first = columns["points"][row] == 0
        nearest = np.argmin(distance2, axis=1)
        is_near = distance2[np.arange(row.size), nearest] <= JOIN_WITHIN**2
        self._learn_spread(row, point, is_first)
        fading = 1.0 - 1.0 / MEMORY_POINTS
        columns["weight"][row] *= fading
        columns["scatter"][row] *= fading
        if is_near.any():
            self._join(row[is_near], nearest[is_near], point[is_near])
        if not is_near.all():
            self._found(row[~is_near], point[~is_near])
        columns["points"][row] += 1.0

    def _learn_spread(self, row: Ints, point: Floats, is_first: NDArray[np.bool_]) -> None:
        heaviest = np.argmax(self._columns["weight"][row], axis=1)
        offset = _plane_offset(point, self._columns["centre"][row, heaviest])
        squared = np.where(is_first, 0.0, np.sum(offset**2, axis=1))
        share = 1.0 / np.minimum(self._columns["points"][row] + 1.0, MEMORY_POINTS)
        self._columns["spread2"][row] += share * (squared - self._columns["spread2"][row])

    def _join(self, row: Ints, cluster: Ints, point: Floats) -> None:
        columns = self._columns
        weight, centre = columns["weight"][row, cluster], columns["centre"][row, cluster]
        offset = _plane_offset(point, centre)
        columns["scatter"][row, cluster] += _products(offset) * (weight / (weight + 1))[:, None]
        columns["centre"][row, cluster] = _moved(centre, offset / (weight + 1)[:, None])
        columns["weight"][row, cluster] += 1.0

    def _found(self, row: Ints, point: Floats) -> None:
        full = row[(self._columns["weight"][row] > 0).all(axis=1)]
        if len(full):
            self._merge_nearest(full)
        free = np.argmin(self._columns["weight"][row], axis=1)
        self._columns["weight"][row, free] = 1.0
        self._columns["centre"][row, free] = point
        self._columns["scatter"][row, free] = 0.0

    def _merge_nearest(self, row: Ints) -> None:
        """Of each (distinct) row, merge the two clusters whose union adds least squared error; frees one."""
        columns = self._columns
        first, second = np.triu_indices(CLUSTERS, 1)
        weight = columns["weight"][row]
        one, two = weight[:, first], weight[:, second]
        centre = columns["centre"][row]
        offset = _plane_offset(centre[:, second], centre[:, first])
        growth = one * two / (one + two) * np.sum(offset**2, axis=-1)
        pair = np.argmin(growth, axis=1)
        at = np.arange(row.size)
        stays, goes = first[pair], second[pair]
        total = one[at, pair] + two[at, pair]
        step = offset[at, pair] * (two[at, pair] / total)[:, None]
        between = _products(offset[at, pair]) * (one[at, pair] * two[at, pair] / total)[:, None]
        columns["scatter"][row, stays] += columns["scatter"][row, goes] + between
        columns["centre"][row, stays] = _moved(centre[at, stays], step)
        columns["weight"][row, stays] = total
        for name in ("weight", "centre", "scatter"):
            columns[name][row, goes] = 0.0


def _known(group: Ints, points: Floats) -> tuple[Ints, Floats]:
    is_known = ~np.isnan(points).any(axis=1)
    return np.asarray(group, np.int64)[is_known], points[is_known]


def _farthest(group: Ints, out: Floats) -> tuple[Ints, Ints]:
    """The groups that have points, and the farthest point of each (the first of equals)."""
    order = np.lexsort((np.arange(out.size), -out, group))
    present, first = np.unique(group[order], return_index=True)
    return present, order[first]


def _turns(row: Ints) -> Iterator[Ints]:
    """Positions such that each yield holds a row at most once, in order; of more than MOST_PER_ROW an even sample."""
    order = np.argsort(row, kind="stable")
    _, start, count = np.unique(row[order], return_index=True, return_counts=True)
    taken = np.minimum(count, MOST_PER_ROW)
    step = count / np.maximum(taken, 1)
    for turn in range(int(taken.max(initial=0))):
        has_turn = turn < taken
        yield order[(start + np.floor(turn * step).astype(np.int64))[has_turn]]


def _products(offset: Floats) -> Floats:
    """north^2, north east, east^2."""
    north, east = offset[..., 0], offset[..., 1]
    return np.stack([north**2, north * east, east**2], axis=-1)
