"""Detectors that judge only what is present in a bucket: populations, rare values, arrival times, places.

Here: the steps they share (who is present, rules, frequent values, findings, causes). What differs is behind
`_score` and `_learn` of the subclasses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proxy.engine.buckets import aggregate
from proxy.engine.findings import BucketView, Finding, Judgement
from proxy.engine.functions import NON_NEGATIVE_FEATURES, Function, plot_feature
from proxy.engine.influence import KEPT_FROM, TailLn, influences
from proxy.engine.models.clock_shift import shift_patterns
from proxy.engine.models.population import PopulationModel, PopulationScores
from proxy.engine.probability import WORTH_WRITING, any_of, chances_counted, combine_ln
from proxy.engine.registry import BYTES_A_NAME, Interner, Prepared, Registry, is_frequent
from proxy.engine.results import Document, Floats
from proxy.engine.rows import RowSet
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec

Rows = NDArray[np.intp]
MOST_CAUSES = 10


@dataclass(frozen=True, slots=True)
class Present:
    """The groups of one bucket whose series is known: model row, person code and number of the group."""

    rows: Rows
    persons: Rows
    groups: Rows


@dataclass(frozen=True, slots=True)
class GroupScores:
    """One element per present group; `tail_ln` gives the function influences are measured with."""

    p: Floats
    actual: Floats
    typical: Floats
    part: NDArray[np.intp]
    tail_ln: Callable[[int], TailLn]
    explain: Callable[[int], Document | None]
    inner: object = None


class GroupDetector:
    """State and steps shared by all detectors that look at present groups only."""

    # Whether a value never seen has something to say, even in an interim result; others have no model for it yet.
    judges_new_values = False
    # What has at least this p is left out when attributes of a person or entities of a bucket are joined.
    ordinary_from = np.inf

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        self.spec, self.job, self.rules = spec, job, rules
        self.registry = Registry()
        self.persons = Interner()
        self.buckets = 0

    # ---- what differs

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        raise NotImplementedError

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: NDArray[np.bool_]) -> None:
        raise NotImplementedError

    def _bytes_per_row(self) -> int:
        """What the model of one more series weighs; few bytes where it has no arrays of its own."""
        return 0

    # ---- what is shared

    def prepare(self, rows: RowSet, weights: Floats | None) -> Prepared:
        """Aggregates rows of any number of buckets."""
        groups = aggregate(rows, self.spec, self.job.bucket_span, weights)
        return self.registry.prepare(groups, rows, self.spec)

    def step(self, view: BucketView) -> Judgement:
        """Judges one bucket and, unless interim, learns it."""
        known_persons = len(self.persons)
        present = self._present(view)
        refused = 0
        if not view.is_interim:
            self.buckets += 1
            for seconds in view.effect.shifts:
                self._shift_clock(seconds)
            refused = view.span.stop - view.span.start - len(present.rows)
            if self.spec.over and not view.may_grow:
                refused += len(np.unique(present.persons[present.persons >= known_persons]))
        if not len(present.rows):
            return replace(Judgement.empty(), refused=refused)
        scores = self._score(view, present)
        skipped, learnt = self._effects(view, present, scores)
        p = np.where(skipped, 1.0, scores.p)
        plots = self._plots(view, present, scores) if self.job.plot_enabled and not view.is_interim else []
        judgement = replace(self._judgement(view, present, scores, p), refused=refused, plots=plots)
        if not view.is_interim:
            self.persons.count(np.unique(present.persons), view.time)
            self._learn(view, present, scores, learnt)
        return judgement

    def _present(self, view: BucketView) -> Present:
        span = view.span
        may_add = view.may_add or (self.judges_new_values and view.may_grow)
        most_new = view.most_new(BYTES_A_NAME + self._bytes_per_row()) if may_add else 0
        rows = self.registry.rows_of(view.prepared, span, most_new=most_new)
        known = np.flatnonzero(rows >= 0)
        if not view.is_interim:
            self.registry.touch(rows[known], view.time)
        groups = span.start + known
        persons = np.zeros(len(known), np.intp)
        if self.spec.over:
            codes = view.prepared.groups.codes[self.spec.over][groups]
            persons = self.persons.codes_of(codes, view.rows.text[self.spec.over].values, may_add=view.may_add)
        return Present(rows[known], persons, groups)

    def _effects(
        self, view: BucketView, present: Present, scores: GroupScores
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        count = len(present.rows)
        skipped = np.full(count, view.effect.skip_result)
        learnt = np.full(count, not view.effect.skip_model_update)
        if not self.rules.is_empty:
            asked = self.rules.masks(
                self._key_columns(view, present), scores.actual[:, 0], scores.typical[:, 0], view.time
            )
            skipped, learnt = skipped | asked.skip_result, learnt & ~asked.skip_model_update
        if self.spec.exclude_frequent in ("all", "over") and self.spec.over:
            skipped = skipped | is_frequent(self.persons.seen(present.persons), self.buckets)
        if self.spec.exclude_frequent in ("all", "by") and self.spec.by:
            skipped = skipped | is_frequent(self.registry.seen(present.rows), self.buckets)
        return skipped, learnt

    def _key_columns(self, view: BucketView, present: Present) -> dict[str, tuple[Rows, list[str]]]:
        out = {
            f: (present.rows, [k[place] for k in self.registry.keys])
            for f, place in ((self.spec.partition, 0), (self.spec.by, 1))
            if f
        }
        if self.spec.over:
            codes = view.prepared.groups.codes[self.spec.over][present.groups].astype(np.intp)
            out[self.spec.over] = (codes, view.rows.text[self.spec.over].values)
        return out

    def _judgement(self, view: BucketView, present: Present, scores: GroupScores, p: Floats) -> Judgement:
        partition = np.array(self.registry.partition_of, np.int64)[present.rows]
        if self.spec.over is None:
            worth = np.flatnonzero(p < WORTH_WRITING)
            findings = [self._finding(view, present, scores, p, int(i)) for i in worth]
            return Judgement(p, partition, findings, [], is_telling=p < self.ordinary_from)
        key = partition * (int(present.persons.max()) + 1) + present.persons
        owners, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        inverse = inverse.reshape(-1)
        person_p = np.ones(len(owners))
        np.minimum.at(person_p, inverse, p)
        several = np.bincount(inverse) > 1
        findings = []
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(owners) + 1))
        for i in np.flatnonzero(several & (person_p < WORTH_WRITING)).tolist():
            each = p[order[starts[i] : starts[i + 1]]]
            person_p[i] = np.exp(max(combine_ln(each[each < self.ordinary_from], 0.5, 0.5, 5), -690.0))
        # Among many people of a partition somebody is always unusual: what their number explains is no news.
        people = np.bincount(partition[first])[partition[first]]
        person_p = any_of(person_p, chances_counted(people))
        shown = person_p < WORTH_WRITING
        for i in np.flatnonzero(shown).tolist():
            members = order[starts[i] : starts[i + 1]]
            findings.append(self._person(view, present, scores, p, members, float(person_p[i])))
        return Judgement(person_p, partition[first], findings, [])

    def _person(
        self, view: BucketView, present: Present, scores: GroupScores, p: Floats, members: Rows, person_p: float
    ) -> Finding:
        """One record per person: the least usual attribute leads, all unusual ones are causes."""
        ranked = members[np.argsort(p[members], kind="stable")]
        shown = [i for i in ranked.tolist() if p[i] < WORTH_WRITING][:MOST_CAUSES] or [int(ranked[0])]
        parts = [self._finding(view, present, scores, p, i) for i in shown]
        return replace(
            parts[0],
            p=person_p,
            by=None,
            multi_bucket_impact=None,
            explanation=None,
            causes=[self._cause(part) for part in parts],
            influences=_blame(parts),
        )

    def _cause(self, finding: Finding) -> Document:
        out: Document = {"probability": finding.p}
        if self.spec.by:
            out |= {"by_field_name": self.spec.by, "by_field_value": finding.by or ""}
        if self.spec.partition:
            out |= {"partition_field_name": self.spec.partition, "partition_field_value": finding.partition or ""}
        out |= {
            "function": self.spec.function,
            "function_description": finding.part.description,
            "typical": finding.typical,
            "actual": finding.actual,
        }
        if self.spec.field:
            out["field_name"] = self.spec.field
        out |= {"over_field_name": self.spec.over, "over_field_value": finding.over or ""}
        if finding.geo is not None:
            out["geo_results"] = finding.geo
        return out

    def _finding(self, view: BucketView, present: Present, scores: GroupScores, p: Floats, i: int) -> Finding:
        partition, by = self.registry.keys[int(present.rows[i])]
        group = int(present.groups[i])
        over = self._over_value(view, group)
        named = ((self.spec.partition, partition), (self.spec.by, by), (self.spec.over, over or ""))
        part = self.spec.parts[int(scores.part[i])]
        actual = [float(v) for v in scores.actual[i]]
        witnesses = self._witnesses(view, view.prepared.groups.members(group), actual)
        blame = influences(
            self.spec,
            self.job.influencers,
            {f: v for f, v in named if f},
            view.rows,
            witnesses,
            view.weights,
            part.feature,
            actual[0],
            scores.tail_ln(i),
            False,
        )
        return Finding(
            self.spec,
            part,
            partition if self.spec.partition else None,
            by if self.spec.by else None,
            over,
            float(p[i]),
            -5.0,
            actual,
            [float(v) for v in scores.typical[i]],
            scores.explain(i),
            geo=self._geo(actual, scores.typical[i]),
            influences=blame,
        )

    def _plots(self, view: BucketView, present: Present, scores: GroupScores) -> list[Document]:
        """Bounds and values of everybody present; what has no bounds has no plot."""
        return []

    def _over_value(self, view: BucketView, group: int) -> str | None:
        if not self.spec.over:
            return None
        code = int(view.prepared.groups.codes[self.spec.over][group])
        return view.rows.text[self.spec.over].values[code] if code >= 0 else ""

    def _shift_clock(self, seconds: int) -> None:
        """Expects from now on at t what was expected at t + seconds; nothing where time plays no part."""

    def _witnesses(self, view: BucketView, members: Rows, actual: list[float]) -> Rows:
        """The rows of a group that made it what it is: all of them, unless one happening is what counts."""
        return members

    def _geo(self, actual: list[float], typical: Floats) -> Document | None:
        return None

    def configure(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        """Takes over changed rules and settings."""
        self.spec, self.job, self.rules = spec, job, rules

    def entity_counts(self) -> tuple[int, int, int]:
        """How many by, partition and over values are modelled."""
        return len(self.registry), len(self.registry.partitions), len(self.persons)

    def _keep(self, rows: Rows) -> None:
        """Keeps only these rows of the model, renumbered."""
        raise NotImplementedError

    def prune(self, before: int) -> None:
        """Forgets attributes and persons without data since `before`."""
        persons = self.persons.active_since(before)
        if len(persons) < len(self.persons):
            self.persons.keep(persons)
        kept = self.registry.active_since(before)
        if len(kept) < len(self.registry):
            self._keep(kept)
            self.registry.keep(kept)

    def _shared_state(self) -> dict[str, object]:
        return {
            "keys": self.registry.state(),
            "persons": self.persons.state(),
            "buckets": self.buckets,
        }

    def _restore_shared(self, tree: dict[str, object]) -> None:
        keys, persons = tree["keys"], tree["persons"]
        assert isinstance(keys, dict) and isinstance(persons, dict)
        self.registry.restore(keys)
        self.persons.restore(persons)
        self.buckets = int(str(tree["buckets"]))

    def _shared_bytes(self) -> int:
        return self.persons.nbytes() + self.registry.name_bytes


def _blame(parts: list[Finding]) -> dict[str, dict[str, float]]:
    """Influences of a person's attributes, the least usual first: whoever made one that is far less odd than that has
    no part in it."""
    blame: dict[str, dict[str, float]] = {}
    for part in parts:
        share = np.log(part.p) / np.log(parts[0].p)
        for name, values in part.influences.items():
            known = blame.setdefault(name, {})
            for value, strength in values.items():
                if share * strength >= KEPT_FROM:
                    known[value] = max(known.get(value, 0.0), float(share * strength))
    return {name: dict(sorted(known.items(), key=lambda item: -item[1])) for name, known in blame.items()}


def no_explanation(_: int) -> None:
    """Population records carry no explanation."""
    return


class PopulationDetector(GroupDetector):
    """Counts and metrics of entities compared with each other (an over field)."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        self.models = [
            PopulationModel(
                job.bucket_span,
                side=part.side,
                non_negative=part.feature in NON_NEGATIVE_FEATURES,
                is_count=part.is_count,
            )
            for part in spec.parts
        ]

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        for model in self.models:
            model.columns.grow_to(len(self.registry))
        values = [v[present.groups] for v in view.prepared.groups.values]
        if view.is_interim:
            values = [self._completed(m, view, present, v) for m, v in zip(self.models, values, strict=True)]
        each = [m.judge(view.time, present.rows, v) for m, v in zip(self.models, values, strict=True)]
        p = np.stack([s.p for s in each])
        part = p.argmin(axis=0)
        at = np.arange(len(part))
        actual, typical = (np.stack([getattr(s, f) for s in each])[part, at][:, None] for f in ("value", "typical"))

        def tail_ln(i: int) -> TailLn:
            model, scores = self.models[int(part[i])], each[int(part[i])]
            return lambda value, spread: model.tail_ln(scores, i, value, spread)

        return GroupScores(any_of(p.min(axis=0), len(each)), actual, typical, part, tail_ln, no_explanation, each)

    def _completed(self, model: PopulationModel, view: BucketView, present: Present, value: Floats) -> Floats:
        """Half a bucket of a sum is no reason to call an entity low."""
        if self.spec.parts[0].feature not in ("count", "sum", "distinct_count", "info_content"):
            return value
        typical = model.judge(view.time, present.rows, value).typical
        return value + np.clip(typical - value, 0.0, np.maximum((1.0 - view.completeness) * typical, 0.0))

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: NDArray[np.bool_]) -> None:
        assert isinstance(scores.inner, list)
        for model, inner in zip(self.models, scores.inner, strict=True):
            assert isinstance(inner, PopulationScores)
            model.learn(view.time, inner, taken)

    def _plots(self, view: BucketView, present: Present, scores: GroupScores) -> list[Document]:
        assert isinstance(scores.inner, list)
        return [
            plot
            for model, part, inner in zip(self.models, self.spec.parts, scores.inner, strict=True)
            for plot in self._plots_of(view, present, model, part, inner)
        ]

    def _plots_of(
        self, view: BucketView, present: Present, model: PopulationModel, part: Function, inner: PopulationScores
    ) -> Iterator[Document]:
        lower, upper = model.bounds(inner)
        ready, terms = model.is_ready(present.rows), self.job.plot_terms
        # Groups are numbered anew with every batch; attributes and persons are not.
        order = np.lexsort((present.persons, present.rows))
        for i in order[ready[order]].tolist():
            partition, by = self.registry.keys[int(present.rows[i])]
            over = self._over_value(view, int(present.groups[i])) or ""
            if terms and not terms & {partition, by, over}:
                continue
            named = ((self.spec.partition, "partition", partition), (self.spec.over, "over", over))
            yield {
                "bucket_span": self.job.bucket_span,
                "detector_index": self.spec.index,
                "timestamp": view.time * 1000,
                **{
                    f"{role}_field_{what}": text
                    for field, role, value in (*named, (self.spec.by, "by", by))
                    if field
                    for what, text in (("name", field), ("value", value))
                },
                "model_feature": plot_feature(part, is_population=True),
                "model_lower": float(lower[i]),
                "model_upper": float(upper[i]),
                "model_median": float(inner.typical[i]),
                "actual": float(inner.value[i]),
            }

    def _bytes_per_row(self) -> int:
        return sum(model.columns.bytes_per_series() for model in self.models)

    def _keep(self, rows: Rows) -> None:
        for model in self.models:
            model.columns.grow_to(len(self.registry))
            model.columns.keep(rows)

    def _shift_clock(self, seconds: int) -> None:
        for model in self.models:
            shift_patterns(model.columns, np.arange(model.columns.size), seconds)

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""
        return self._shared_state() | {"models": [m.columns.state() for m in self.models]}

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        self._restore_shared(tree)
        models = tree["models"]
        assert isinstance(models, list)
        for model, arrays in zip(self.models, models, strict=True):
            model.columns.restore(arrays)

    def nbytes(self) -> int:
        """Bytes of models and names."""
        return self._shared_bytes() + sum(m.columns.nbytes() for m in self.models)
