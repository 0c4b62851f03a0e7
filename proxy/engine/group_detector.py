"""Detectors that judge only what is present in a bucket: populations, rare values, arrival times, places.

Here: the steps they share (who is present, rules, frequent values, findings, causes). What differs is behind
`_score` and `_learn` of the subclasses: population_detector.py and event_detectors.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from proxy.engine.columns import Rows
from proxy.engine.detector import Detector, dict_of
from proxy.engine.findings import BucketView, Finding, Judgement
from proxy.engine.influence import KEPT_FROM, Anomaly, TailLn, influences
from proxy.engine.models.component import Mask
from proxy.engine.probability import WORTH_WRITING, any_of, chances_counted, combine_ln
from proxy.engine.registry import BYTES_A_NAME, Interner, is_frequent
from proxy.engine.results import Document, Floats
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec

MOST_CAUSES = 10
# ln p below which joined probabilities are no longer told apart, and how many of an entity's attributes are joined.
LEAST_LN, MOST_JOINED = -690.0, 5
# Weights of the joint and the extreme probability of an over entity's attributes.
JOINED_WEIGHTS = (0.5, 0.5)
# The multi_bucket_impact of what is judged by one bucket alone.
SINGLE_BUCKET = -5.0


@dataclass(frozen=True, slots=True)
class Present:
    """The groups of one bucket whose series is known: model row, number of the over entity and of the group."""

    rows: Rows
    over: Rows
    groups: Rows


@dataclass(frozen=True, slots=True)
class GroupScores:
    """One element per present group; `tail_ln` gives the function influences are measured with.

    `actual` and `typical` are groups x numbers (one, or two of a place); `part` is the feature each group was least
    usual in, `inner` what the detector needs to learn them.
    """

    p: Floats
    actual: Floats
    typical: Floats
    part: Rows
    tail_ln: Callable[[int], TailLn]
    explain: Callable[[int], Document | None]
    inner: object = None


class GroupDetector(Detector):
    """State and steps shared by all detectors that look at present groups only."""

    # Whether a value never seen has something to say, even in an interim result; others have no model for it yet.
    judges_new_values = False
    # What has at least this p is left out when attributes of an over entity or entities of a bucket are joined.
    ordinary_from = np.inf

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        self.over = Interner()

    # ---- what differs

    def _score(self, view: BucketView, present: Present) -> GroupScores:
        raise NotImplementedError

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: Mask) -> None:
        raise NotImplementedError

    def _bytes_per_row(self) -> int:
        """What the model of one more series weighs; few bytes where it has no arrays of its own."""
        return 0

    # ---- what is shared

    def step(self, view: BucketView) -> Judgement:
        """Judges one bucket and, unless interim, learns it."""
        known_over = len(self.over)
        present = self._present(view)
        refused = 0
        if not view.is_interim:
            self.buckets += 1
            for seconds in view.effect.shifts:
                self._shift_clock(seconds)
            refused = view.span.stop - view.span.start - len(present.rows)
            if self.spec.over and not view.may_grow:
                refused += len(np.unique(present.over[present.over >= known_over]))
        if not len(present.rows):
            return replace(Judgement.empty(), refused=refused)
        scores = self._score(view, present)
        skipped, learnt = self._effects(view, present, scores)
        p = np.where(skipped, 1.0, scores.p)
        plots = self._plots(view, present, scores) if self.job.plot_enabled and not view.is_interim else []
        judgement = replace(self._judgement(view, present, replace(scores, p=p)), refused=refused, plots=plots)
        if not view.is_interim:
            self.over.count(np.unique(present.over), view.time)
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
        over = np.zeros(len(known), np.intp)
        if self.spec.over:
            codes = view.prepared.groups.codes[self.spec.over][groups]
            over = self.over.codes_of(codes, view.rows.text[self.spec.over].values, may_add=view.may_add)
        return Present(rows[known], over, groups)

    def _effects(self, view: BucketView, present: Present, scores: GroupScores) -> tuple[Mask, Mask]:
        count = len(present.rows)
        skipped = np.full(count, view.effect.skip_result)
        learnt = np.full(count, not view.effect.skip_model_update)
        if not self.rules.is_empty:
            columns = self._rule_columns(view, present)
            asked = self.rules.masks(columns, scores.actual[:, 0], scores.typical[:, 0], view.time)
            skipped, learnt = skipped | asked.skip_result, learnt & ~asked.skip_model_update
        if self.spec.exclude_frequent in ("all", "over") and self.spec.over:
            skipped = skipped | is_frequent(self.over.seen(present.over), self.buckets)
        if self.spec.exclude_frequent in ("all", "by") and self.spec.by:
            skipped = skipped | is_frequent(self.registry.seen(present.rows), self.buckets)
        return skipped, learnt

    def _rule_columns(self, view: BucketView, present: Present) -> dict[str, tuple[Rows, list[str]]]:
        out = self._key_columns(present.rows)
        if self.spec.over:
            codes = view.prepared.groups.codes[self.spec.over][present.groups].astype(np.intp)
            out[self.spec.over] = (codes, view.rows.text[self.spec.over].values)
        return out

    def _judgement(self, view: BucketView, present: Present, scores: GroupScores) -> Judgement:
        p, partition = scores.p, self._partitions(present.rows)
        if self.spec.over is None:
            worth = np.flatnonzero(p < WORTH_WRITING)
            findings = [self._finding(view, present, scores, int(i)) for i in worth]
            return Judgement(p, partition, findings, [], is_telling=p < self.ordinary_from)
        key = partition * (int(present.over.max()) + 1) + present.over
        owners, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        inverse = inverse.reshape(-1)
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(owners) + 1))

        def members(owner: int) -> Rows:
            return order[starts[owner] : starts[owner + 1]]

        # Among many over entities of a partition one is always unusual: p allows for their number.
        others = np.bincount(partition[first])[partition[first]]
        over_p = any_of(self._joined(p, inverse, members), chances_counted(others))
        findings = [
            self._over_finding(view, present, scores, members(i), float(over_p[i]))
            for i in np.flatnonzero(over_p < WORTH_WRITING).tolist()
        ]
        return Judgement(over_p, partition[first], findings, [])

    def _joined(self, p: Floats, owner: Rows, members: Callable[[int], Rows]) -> Floats:
        """p of each over entity: of its one attribute, or of several unusual ones together."""
        out = np.ones(int(owner.max()) + 1)
        np.minimum.at(out, owner, p)
        several = np.bincount(owner) > 1
        for i in np.flatnonzero(several & (out < WORTH_WRITING)).tolist():
            each = p[members(i)]
            joined = combine_ln(each[each < self.ordinary_from], *JOINED_WEIGHTS, MOST_JOINED)
            out[i] = np.exp(max(joined, LEAST_LN))
        return out

    def _over_finding(
        self, view: BucketView, present: Present, scores: GroupScores, members: Rows, over_p: float
    ) -> Finding:
        """One record per over entity: the least usual attribute leads, all unusual ones are causes."""
        p = scores.p
        ranked = members[np.argsort(p[members], kind="stable")]
        shown = [i for i in ranked.tolist() if p[i] < WORTH_WRITING][:MOST_CAUSES] or [int(ranked[0])]
        parts = [self._finding(view, present, scores, i) for i in shown]
        return replace(
            parts[0],
            p=over_p,
            by=None,
            multi_bucket_impact=None,
            explanation=None,
            causes=[self._cause(part) for part in parts],
            influences=_joined_influences(parts),
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

    def _finding(self, view: BucketView, present: Present, scores: GroupScores, i: int) -> Finding:
        partition, by = self.registry.keys[int(present.rows[i])]
        group = int(present.groups[i])
        over = self._over_value(view, group)
        named = ((self.spec.partition, partition), (self.spec.by, by), (self.spec.over, over or ""))
        part = self.spec.parts[int(scores.part[i])]
        actual = [float(v) for v in scores.actual[i]]
        witnesses = self._witnesses(view, view.prepared.groups.members(group), actual)
        tail_ln = scores.tail_ln(i)
        anomaly = Anomaly(self.spec, view.rows, witnesses, view.weights, part.feature, actual[0], tail_ln)
        return Finding(
            self.spec,
            part,
            partition if self.spec.partition else None,
            by if self.spec.by else None,
            over,
            float(scores.p[i]),
            SINGLE_BUCKET,
            actual,
            [float(v) for v in scores.typical[i]],
            scores.explain(i),
            geo=self._geo(actual, scores.typical[i]),
            influences=influences(anomaly, self.job.influencers, {f: v for f, v in named if f}),
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

    def entity_counts(self) -> tuple[int, int, int]:
        """How many by, partition and over values are modelled."""
        return len(self.registry), len(self.registry.partitions), len(self.over)

    def _keep(self, rows: Rows) -> None:
        """Keeps only these rows of the model, renumbered."""
        raise NotImplementedError

    def prune(self, before: int) -> None:
        """Forgets attributes and over entities without data since `before` (epoch seconds)."""
        over = self.over.active_since(before)
        if len(over) < len(self.over):
            self.over.keep(over)
        kept = self.registry.active_since(before)
        if len(kept) < len(self.registry):
            self._keep(kept)
            self.registry.keep(kept)

    def _shared_state(self) -> dict[str, object]:
        return super()._shared_state() | {"over": self.over.state()}

    def _restore_shared(self, tree: dict[str, object]) -> None:
        super()._restore_shared(tree)
        self.over.restore(dict_of(tree, "over"))

    def _shared_bytes(self) -> int:
        return super()._shared_bytes() + self.over.nbytes()


def _joined_influences(parts: list[Finding]) -> dict[str, dict[str, float]]:
    """Influences of an over entity's attributes, the least usual first: who made one far less odd has no part in it."""
    shares: dict[str, dict[str, float]] = {}
    for part in parts:
        share = np.log(part.p) / np.log(parts[0].p)
        for name, values in part.influences.items():
            known = shares.setdefault(name, {})
            for value, strength in values.items():
                if share * strength >= KEPT_FROM:
                    known[value] = max(known.get(value, 0.0), float(share * strength))
    return {name: dict(sorted(known.items(), key=lambda item: -item[1])) for name, known in shares.items()}


def no_explanation(_: int) -> None:
    """Population records carry no explanation."""
    return
