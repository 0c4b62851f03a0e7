"""How rare a category is within its partition: the functions rare and freq_rare.

Here: decayed counts per (partition, by value) and, for populations, which over entity has shown which value.
Not here: interning of values to codes, and the joining of one over entity's rows (scoring does that).

    Rarity(bucket_span_s, is_population=False, is_frequency_weighted=False)
    .score(bucket_index, partition, by, over, counts) -> RareScores       learns nothing
    .learn(bucket_index, partition, by, over, counts, is_learnt=None)     is_learnt: bool[n]
    .observe(bucket_index, partition, by, over, counts) -> RareScores     score, then learn
        partition, by: int codes >= 0 below 2**31; over: int codes or None (required for a population);
        counts: events per row. One call = one bucket; bucket_index = bucket start // bucket span, never
        decreasing. Rows may repeat, in any order.
    .state() -> dict[str, ndarray];  Rarity.from_state(state);  .nbytes;  .category_count
    .is_known(partition, by) -> bool[n];  .renumber(partition, by, new_partition, new_by): the categories listed
    (each once) change their codes, all others are forgotten
    .known_over_entities() -> int[n], ascending;  .renumber_over_entities(known): the n-th of these gets the code n

What counts is the number of *buckets* a value was seen in, or in a population the number of distinct
over entities that showed it. With N = sum of a partition's counts and K = its values seen only once, a value never
seen before has (Good-Turing) p = (K + 1) / (N + 2), and a value seen c times has
p = (sum of counts c_k <= c + sqrt(c), plus K + 1) / (N + 2): the chance of a category at most as likely. The
sqrt is one standard error: without it the least active of a thousand equals would count as rare. In a population
sightings (over entities times buckets) are judged likewise and p = min(p, 2 p of sightings): what none has shown in
months of data is rarer than the number of over entities alone can say.

Until a partition has been active in 20 buckets p is raised to the power buckets / 20: the first buckets are
alike by accident, and values still trickle in. freq_rare also raises p to w = 1 - (1 - f)^n: the chance to
meet the value in n draws from the over entity's own values, n = its events with this value in the bucket,
f = the value's share of its events, in the bucket or ever, whichever is more (shrunk by five pseudo-events).

When it fails: fields whose values are unique (ids, sequence numbers) make K large, so nothing is rare there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.rarity_tables import (
    LOW_BITS,
    LOW_HALF,
    Bools,
    BucketRows,
    CountTable,
    Floats,
    GroupedCounts,
    Ints,
    contained,
    distinct,
    find,
    pack,
    strongest,
)

STANDARD_SPAN_S = 1800.0
# Per standard bucket: about four weeks until a sighting counts for half.
DECAY_PER_STANDARD_BUCKET = 0.0005
# A value whose count fell below half a sighting is as good as never seen.
FORGOTTEN_COUNT = 0.5
# A few events do not tell how an over entity's events are usually divided among values.
MIX_PSEUDO_EVENTS = 5.0
WARM_UP_BUCKETS = 20.0
PRUNE_EVERY_BUCKETS = 64
# Beyond this many remembered (value, over entity) pairs the longest unseen go first.
MAX_PAIRS = 1 << 20
MAX_CATEGORIES = 1 << 20
# Counts are stored inflated by exp(decay * age); rebased before the scale could lose precision.
REBASE_AT_LOG_SCALE = 30.0


@dataclass(frozen=True, slots=True)
class RareScores:
    """One row per distinct (partition, by[, over]) of the bucket, sorted by these codes.

    actual = events; typical = share of the value among its partition's counts; relative_rarity = median
    count of the partition's values / own count, 0 at a first occurrence or without history.
    """

    partition: Ints
    by: Ints
    over: Ints
    actual: Floats
    typical: Floats
    probability: Floats
    is_first_occurrence: Bools
    relative_rarity: Floats


class Rarity:
    """Rarity of by values for all partitions of one detector."""

    def __init__(
        self, bucket_span_s: float, *, is_population: bool = False, is_frequency_weighted: bool = False
    ) -> None:
        self.is_population = is_population or is_frequency_weighted
        self.is_frequency_weighted = is_frequency_weighted
        self._decay = DECAY_PER_STANDARD_BUCKET * min(1.0, bucket_span_s / STANDARD_SPAN_S)
        self._base_bucket = -1
        self._pruned_bucket = 0
        self._next_id = 0
        self._categories = CountTable(count="f8", sightings="f8", id="i8")
        self._pairs = CountTable(weight="f8", events="f8")
        self._over_entities = CountTable(events="f8")
        self._partitions = CountTable(buckets="f8")

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return sum(table.nbytes for _, table in self._tables())

    @property
    def category_count(self) -> int:
        """Remembered (partition, by value) pairs."""
        return self._categories.keys.size

    def observe(self, bucket_index: int, partition: Ints, by: Ints, over: Ints | None, counts: Floats) -> RareScores:
        """Score the bucket's rows against the past, then learn them."""
        scores = self.score(bucket_index, partition, by, over, counts)
        self.learn(bucket_index, partition, by, over, counts)
        return scores

    def score(self, bucket_index: int, partition: Ints, by: Ints, over: Ints | None, counts: Floats) -> RareScores:
        """Probabilities of the bucket's distinct rows, from earlier buckets only."""
        rows = BucketRows.of(partition, by, over if self.is_population else None, counts)
        scale = self._scale(bucket_index)
        groups, group_of_row = np.unique(rows.partition, return_inverse=True)
        group_of_row = group_of_row.reshape(-1)
        own, total, median, p = self._rarity_of("count", rows, groups, group_of_row, scale)
        if self.is_population:
            p = np.minimum(p, 2.0 * self._rarity_of("sightings", rows, groups, group_of_row, scale)[3])
        warmth = np.minimum(1.0, self._partitions.get("buckets", groups) / scale / WARM_UP_BUCKETS)
        p = p ** warmth[group_of_row]
        if self.is_frequency_weighted:
            p = p ** self._frequency_weight(rows, scale)
        is_seen = own > 0
        own_or_one = np.where(is_seen, own, 1.0)
        return RareScores(
            rows.partition,
            rows.by,
            rows.over,
            rows.counts,
            np.where(is_seen, own / np.maximum(total, 1e-12), 0.0),
            p,
            ~is_seen,
            np.where(is_seen, median / own_or_one, 0.0),
        )

    def learn(
        self,
        bucket_index: int,
        partition: Ints,
        by: Ints,
        over: Ints | None,
        counts: Floats,
        *,
        is_learnt: Bools | None = None,
    ) -> None:
        """Count the bucket's rows; those outside is_learnt leave no trace."""
        if is_learnt is not None:
            partition, by, counts = partition[is_learnt], by[is_learnt], counts[is_learnt]
            over = None if over is None else over[is_learnt]
        self._advance(bucket_index)
        if not len(partition):
            return
        rows = BucketRows.of(partition, by, over if self.is_population else None, counts)
        scale = self._scale(bucket_index)
        active = self._partitions.rows(distinct(rows.partition))
        self._partitions.columns["buckets"][active] += scale
        if self.is_population:
            self._learn_pairs(rows, scale)
        else:
            seen = self._category_rows(rows.category)
            self._categories.columns["count"][seen] += scale

    def is_known(self, partition: Ints, by: Ints) -> Bools:
        """Which values are remembered at all."""
        return find(self._categories.keys, pack(partition, by))[1]

    def renumber(self, partition: Ints, by: Ints, new_partition: Ints, new_by: Ints) -> None:
        """Give the listed categories new codes and forget the others; a partition's values move together."""
        old = pack(partition, by)
        order = np.argsort(old)
        self._categories.move(old[order], pack(new_partition, new_by)[order])
        self._pairs.keep(contained(self._pairs.keys >> LOW_BITS, self._categories.columns["id"]))
        partitions, first = np.unique(np.asarray(partition, np.int64), return_index=True)
        new = np.asarray(new_partition, np.int64)[first]
        self._partitions.move(partitions, new)
        owner, over = self._over_entities.keys >> LOW_BITS, self._over_entities.keys & LOW_HALF
        at = np.minimum(np.searchsorted(partitions, owner), max(partitions.size - 1, 0))
        is_kept = (partitions[at] == owner) if partitions.size else np.zeros(owner.size, bool)
        self._over_entities.move(self._over_entities.keys[is_kept], pack(new[at[is_kept]], over[is_kept]))

    def known_over_entities(self) -> Ints:
        """Codes of the over entities that something is remembered of, ascending."""
        return np.unique(np.concatenate([self._pairs.keys & LOW_HALF, self._over_entities.keys & LOW_HALF]))

    def renumber_over_entities(self, known: Ints) -> None:
        """Gives the n-th of these the code n. ``known``: what ``known_over_entities`` returns."""
        for table in (self._pairs, self._over_entities):
            table.keys = pack(table.keys >> LOW_BITS, np.searchsorted(known, table.keys & LOW_HALF))

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on bit-exactly."""
        state: dict[str, NDArray[Any]] = {
            "clock": np.array([self._base_bucket, self._pruned_bucket, self._next_id], np.int64),
            "kind": np.array([self.is_population, self.is_frequency_weighted]),
            "decay": np.array([self._decay]),
        }
        for prefix, table in self._tables():
            state[f"{prefix}.keys"] = table.keys.copy()
            for name, column in table.columns.items():
                state[f"{prefix}.{name}"] = column.copy()
        return state

    @classmethod
    def from_state(cls, state: dict[str, NDArray[Any]]) -> Rarity:
        """The inverse of state()."""
        is_population, is_weighted = state["kind"].tolist()
        rarity = cls(STANDARD_SPAN_S, is_population=is_population, is_frequency_weighted=is_weighted)
        rarity._decay = float(state["decay"][0])
        rarity._base_bucket, rarity._pruned_bucket, rarity._next_id = state["clock"].tolist()
        for prefix, table in rarity._tables():
            table.keys = state[f"{prefix}.keys"].copy()
            table.columns = {name: state[f"{prefix}.{name}"].copy() for name in table.columns}
        return rarity

    def _tables(self) -> tuple[tuple[str, CountTable], ...]:
        return (
            ("category", self._categories),
            ("pair", self._pairs),
            ("over_entity", self._over_entities),
            ("partition", self._partitions),
        )

    def _scale(self, bucket_index: int) -> float:
        age = 0 if self._base_bucket < 0 else bucket_index - self._base_bucket
        return float(np.exp(self._decay * age))

    def _rarity_of(
        self, column: str, rows: BucketRows, groups: Ints, group_of_row: Ints, scale: float
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Per row, by one kind of count: own count, the partition's total and median, probability."""
        grouped = self._grouped(column, groups, scale)
        own = self._categories.get(column, rows.category) / scale
        # The hair more keeps ties ties when the counts come from different roundings.
        tolerated = np.where(own > 0, (own + np.sqrt(own)) * (1.0 + 1e-9), 0.0)
        mass = grouped.mass_up_to(group_of_row, tolerated)
        total, once, median = (per_group[group_of_row] for per_group in grouped.totals())
        return own, total, median, np.minimum(1.0, (mass + once + 1.0) / (total + 2.0))

    def _grouped(self, column: str, groups: Ints, scale: float) -> GroupedCounts:
        keys = self._categories.keys
        starts = np.searchsorted(keys, pack(groups, np.zeros_like(groups)))
        ends = np.searchsorted(keys, pack(groups + 1, np.zeros_like(groups)))
        sizes = ends - starts
        offsets = np.repeat(starts - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
        members = np.arange(sizes.sum()) + offsets
        group = np.repeat(np.arange(groups.size), sizes)
        return GroupedCounts.of(group, self._categories.columns[column][members] / scale, groups.size)

    def _category_rows(self, category: Ints) -> Ints:
        rows = self._categories.rows(distinct(category))
        ids = self._categories.columns["id"]
        fresh = rows[ids[rows] == 0]
        ids[fresh] = self._next_id + 1 + np.arange(fresh.size)
        self._next_id += fresh.size
        return rows

    def _learn_pairs(self, rows: BucketRows, scale: float) -> None:
        categories, inverse = np.unique(rows.category, return_inverse=True)
        category_rows = self._category_rows(categories)[inverse]
        pair_keys = pack(self._categories.columns["id"][category_rows], rows.over)
        order = np.argsort(pair_keys)
        pair_rows = self._pairs.rows(pair_keys[order])
        category_rows, counts = category_rows[order], rows.counts[order]
        weight = self._pairs.columns["weight"]
        np.add.at(self._categories.columns["count"], category_rows, scale - weight[pair_rows])
        weight[pair_rows] = scale
        np.add.at(self._categories.columns["sightings"], category_rows, scale)
        if self.is_frequency_weighted:
            self._pairs.columns["events"][pair_rows] += counts * scale
            over_keys, over_of_row = np.unique(rows.over_key, return_inverse=True)
            over_rows = self._over_entities.rows(over_keys)
            self._over_entities.columns["events"][over_rows] += scale * np.bincount(
                over_of_row.reshape(-1), rows.counts
            )

    def _frequency_weight(self, rows: BucketRows, scale: float) -> Floats:
        over_keys, over_of_row = np.unique(rows.over_key, return_inverse=True)
        over_of_row = over_of_row.reshape(-1)
        in_bucket = np.bincount(over_of_row, rows.counts)[over_of_row]
        past_total = self._over_entities.get("events", over_keys)[over_of_row] / scale
        ids = self._categories.get("id", rows.category)
        past_own = self._pairs.get("events", pack(ids, rows.over)) / scale
        past_own = np.where(ids > 0, past_own, 0.0)
        lately = rows.counts / (in_bucket + MIX_PSEUDO_EVENTS)
        ever = (past_own + rows.counts) / (past_total + in_bucket + MIX_PSEUDO_EVENTS)
        return -np.expm1(rows.counts * np.log1p(-np.maximum(lately, ever)))

    def _advance(self, bucket_index: int) -> None:
        if self._base_bucket < 0:
            self._base_bucket, self._pruned_bucket = bucket_index, bucket_index
        log_scale = self._decay * (bucket_index - self._base_bucket)
        if log_scale > REBASE_AT_LOG_SCALE:
            shrink = float(np.exp(-log_scale))
            for _, table in self._tables():
                for name, column in table.columns.items():
                    if name != "id":
                        column *= shrink
            self._base_bucket = bucket_index
        is_full = self._pairs.keys.size > MAX_PAIRS or self._categories.keys.size > MAX_CATEGORIES
        if is_full or bucket_index - self._pruned_bucket >= PRUNE_EVERY_BUCKETS:
            self._prune(self._scale(bucket_index))
            self._pruned_bucket = bucket_index

    def _prune(self, scale: float) -> None:
        weight = self._pairs.columns["weight"]
        self._drop_pairs(strongest(weight, FORGOTTEN_COUNT * scale, MAX_PAIRS))
        counts = self._categories.columns["count"]
        self._categories.keep(strongest(counts, FORGOTTEN_COUNT * scale, MAX_CATEGORIES))
        self._pairs.keep(contained(self._pairs.keys >> LOW_BITS, self._categories.columns["id"]))
        over_events = self._over_entities.columns["events"]
        self._over_entities.keep(strongest(over_events, FORGOTTEN_COUNT * scale, MAX_PAIRS))
        buckets = self._partitions.columns["buckets"]
        self._partitions.keep(strongest(buckets, FORGOTTEN_COUNT * scale, MAX_CATEGORIES))

    def _drop_pairs(self, keep: Bools) -> None:
        if keep.all():
            return
        ids = self._categories.columns["id"]
        order = np.argsort(ids)
        at = order[np.searchsorted(ids[order], self._pairs.keys[~keep] >> LOW_BITS)]
        np.subtract.at(self._categories.columns["count"], at, self._pairs.columns["weight"][~keep])
        self._pairs.keep(keep)
