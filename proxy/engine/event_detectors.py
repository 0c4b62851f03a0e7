"""Detectors of single happenings: rare values, arrival times and places.

The arithmetic is rarity.py, circular.py and geo.py; here their scores become findings.
"""

from functools import partial
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from proxy.engine.circular import Circular
from proxy.engine.findings import BucketView
from proxy.engine.functions import Kind
from proxy.engine.geo import Places, parse_points
from proxy.engine.group_detector import GroupDetector, GroupScores, Present
from proxy.engine.influence import TailLn
from proxy.engine.probability import clip_p
from proxy.engine.rarity import Rarity
from proxy.engine.results import Document, Floats
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec

Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


def _same_for_all(value: Floats, spread: Floats) -> Floats:
    """Every influencer present takes part in a single happening in full."""
    return np.full(len(value), -1.0)


def _always(_: int) -> TailLn:
    return _same_for_all


def _plain(p: Floats, _actual: Floats, i: int) -> Document:
    return {"anomaly_type": "spike", "anomaly_length": 1, "single_bucket_impact": max(1, round(-float(np.log10(p[i]))))}


_Model = TypeVar("_Model", Rarity, Circular, Places)


class EventDetector(GroupDetector, Generic[_Model]):
    """A detector whose learning is one model."""

    model: _Model

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""
        return self._shared_state() | {"model": self.model.state()}

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        self._restore_shared(tree)
        model = tree["model"]
        assert isinstance(model, dict)
        self.model = type(self.model).from_state(model)

    def nbytes(self) -> int:
        """Bytes of models and names."""
        return self._shared_bytes() + self.model.nbytes


class RareDetector(EventDetector[Rarity]):
    """rare and freq_rare."""

    judges_new_values = True
    # What half of all show could not have been rare: it must not speak for who also does something else.
    ordinary_from = 0.5

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        self.model = Rarity(
            job.bucket_span, is_population=spec.over is not None, is_frequency_weighted=spec.kind is Kind.FREQ_RARE
        )

    def _codes(self, present: Present) -> tuple[Index, Index, Index | None]:
        partition = np.array(self.registry.partition_of, np.intp)[present.rows]
        return partition, present.rows, present.over if self.spec.over else None

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        partition, by, over = self._codes(present)
        counts = view.prepared.groups.count[present.groups]
        found = self.model.score(view.bucket, partition, by, over, counts)
        # The model answers sorted by its codes; each present group is one of its rows.
        place = np.empty(len(by), np.intp)
        place[np.lexsort((present.over, by, partition))] = np.arange(len(by))
        p = clip_p(found.probability[place])
        first, rarity = found.is_first_occurrence[place], found.relative_rarity[place]

        def explain(i: int) -> Document:
            out = _plain(p, counts, i)
            if first[i]:
                out["by_field_first_occurrence"] = True
            if rarity[i] > 0:
                out["by_field_relative_rarity"] = float(rarity[i])
            return out

        return GroupScores(
            p, counts[:, None], found.typical[place][:, None], np.zeros(len(by), np.intp), _always, explain
        )

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: Bools) -> None:
        partition, by, over = self._codes(present)
        counts = view.prepared.groups.count[present.groups]
        if over is not None:
            # An over entity that was turned away has no code.
            taken = taken & (over < len(self.over))
        self.model.learn(view.bucket, partition, by, over, counts, is_learnt=taken)

    def prune(self, before: int) -> None:
        """Rarity forgets by itself what it has not seen for long; only the names are left to forget."""
        known = self.model.known_over_entities()
        if len(known) < len(self.over):
            self.over.keep(known)
            self.model.renumber_over_entities(known)
        partition = np.array(self.registry.partition_of, np.int64)
        kept = np.flatnonzero(self.model.is_known(partition, np.arange(len(partition))))
        if len(kept) < len(partition):
            self.registry.keep(kept)
            renewed = np.array(self.registry.partition_of, np.int64)
            self.model.renumber(partition[kept], kept, renewed, np.arange(len(kept)))


class CircularDetector(EventDetector[Circular]):
    """time_of_day and time_of_week."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        self.model = Circular(is_weekly=spec.function == "time_of_week")

    def _events(self, view: BucketView, present: Present) -> tuple[Index, NDArray[np.int64]]:
        members = [view.prepared.groups.members(int(g)) for g in present.groups]
        owner = np.repeat(np.arange(len(members)), [len(m) for m in members])
        return owner, view.rows.time[np.concatenate(members)]

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        self.model.grow_to(len(self.registry))
        owner, times = self._events(view, present)
        found = self.model.score(present.rows, owner, times)
        p = clip_p(found.probability)
        typical = np.nan_to_num(found.typical)
        return GroupScores(
            p,
            found.actual[:, None],
            typical[:, None],
            np.zeros(len(p), np.intp),
            _always,
            partial(_plain, p, found.actual),
        )

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: Bools) -> None:
        chosen = Present(present.rows[taken], present.over[taken], present.groups[taken])
        if len(chosen.rows):
            self.model.learn(chosen.rows, *self._events(view, chosen))

    def _bytes_per_row(self) -> int:
        return self.model.bytes_per_row

    def _shift_clock(self, seconds: int) -> None:
        self.model.shift(seconds)

    def _witnesses(self, view: BucketView, members: Index, actual: list[float]) -> Index:
        return members[self.model.same_slot(view.rows.time[members], actual[0])]

    def _keep(self, rows: Index) -> None:
        self.model.grow_to(len(self.registry))
        self.model.keep(rows)


class GeoDetector(EventDetector[Places]):
    """lat_long: the place of a bucket farthest from the usual ones."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        self.model = Places()
        self._texts: list[str] | None = None
        self._read: Floats = np.empty((0, 2))

    def _points(self, view: BucketView, present: Present) -> tuple[Index, Floats]:
        """Every point of the present groups, and whose it is, in order of time: that of arrival says nothing."""
        groups = [view.prepared.groups.members(int(g)) for g in present.groups]
        owner = np.repeat(np.arange(len(groups)), [len(m) for m in groups])
        members = np.concatenate(groups)
        points = self._places(view, members)
        order = np.lexsort((points[:, 1], points[:, 0], view.rows.time[members]))
        return owner[order], points[order]

    def _places(self, view: BucketView, members: Index) -> Floats:
        assert self.spec.field is not None
        column = view.rows.text[self.spec.field]
        if column.values is not self._texts or len(self._read) != len(column.values) + 1:
            # All buckets of a batch share their texts. The last point is that of a missing text.
            self._texts, self._read = column.values, parse_points([*column.values, ""])
        return self._read[column.codes[members]]

    def _witnesses(self, view: BucketView, members: Index, actual: list[float]) -> Index:
        is_there: Bools = (self._places(view, members) == np.array(actual)).all(axis=1)
        return members[is_there]

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        self.model.grow_to(len(self.registry))
        found = self.model.score(present.rows, *self._points(view, present))
        p = clip_p(found.probability)
        return GroupScores(
            p, found.actual, found.typical, np.zeros(len(p), np.intp), _always, partial(_plain, p, found.actual)
        )

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: Bools) -> None:
        chosen = Present(present.rows[taken], present.over[taken], present.groups[taken])
        if len(chosen.rows):
            self.model.learn(chosen.rows, *self._points(view, chosen))

    def _bytes_per_row(self) -> int:
        return self.model.bytes_per_row

    def _geo(self, actual: list[float], typical: Floats) -> Document:
        return {
            "typical_point": f"{typical[0]:.12f},{typical[1]:.12f}",
            "actual_point": f"{actual[0]:.12f},{actual[1]:.12f}",
        }

    def _keep(self, rows: Index) -> None:
        self.model.grow_to(len(self.registry))
        self.model.keep(rows)
