"""A detector whose entities are series: individual analysis of counts and metrics, split by partition and by.

Here: which series a bucket touches (absent ones count as 0 where the function says so), rules, records and
plots. The arithmetic is models/series.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from proxy.engine.columns import Growable, Rows
from proxy.engine.daily_means import DailyMeans
from proxy.engine.detector import SUM_LIKE, Detector, completed, list_of
from proxy.engine.elementwise import minimum
from proxy.engine.explain import explanation, multi_bucket_impact
from proxy.engine.findings import BucketView, Finding, Judgement
from proxy.engine.functions import NON_NEGATIVE_FEATURES, Empty, Function, plot_feature
from proxy.engine.influence import Anomaly, influences
from proxy.engine.models import calendar_days
from proxy.engine.models.component import Mask
from proxy.engine.models.judged import Change, Judged
from proxy.engine.models.low_counts import LOW_COUNT
from proxy.engine.models.series import Outside, SeriesModel
from proxy.engine.modes import Modes
from proxy.engine.probability import WORTH_WRITING
from proxy.engine.registry import BYTES_A_NAME, is_frequent
from proxy.engine.results import Document, Floats
from proxy.engine.returns import Returns
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec

# A rule that skips the model update leaves this much: the model may follow a lasting change in the end.
RULE_SKIP_WEIGHT = 0.005
# Features that get more certain with the number of records they rest on.
SAMPLED = frozenset({"mean", "median", "varp"})
# An interim mean of half the usual records is believed in full.
ENOUGH_RECORDS = 2.0
# p of one bucket above which it is the run of buckets that is unusual.
ORDINARY_ALONE = 0.05

_CHANGES = {
    "level shift": "Level shift of {:.6g}",
    "linear scale": "Linear scale by {:.3g}",
    "time shift": "Time shift of {:.0f}s",
    "period": "Periodicity with period {:.0f}s",
}


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """What is learnt of one feature of all series; `metric` has three features, all others one."""

    function: Function
    model: SeriesModel
    modes: Modes
    means: DailyMeans

    @property
    def kept(self) -> tuple[Growable, ...]:
        """Everything with a column per series."""
        return (self.model, self.modes, self.means)


@dataclass(frozen=True, slots=True)
class PartBucket:
    """One bucket of one part, judged: the group of every series (-1 = absent), and the nearest mode by position."""

    view: BucketView
    part: SeriesPart
    judged: Judged
    group_of: Rows
    mode: dict[int, float]


class SeriesDetector(Detector):
    """State of one detector: the names of its series and one SeriesModel per part."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        super().__init__(spec, job, rules)
        # (rule number, partition, by) of the clock shifts already made.
        self.shifted: set[tuple[int, str, str]] = set()
        self.parts = [_part(function, job.bucket_span) for function in spec.parts]
        self.returns = Returns()
        self._row_bytes = BYTES_A_NAME + sum(kept.bytes_per_series() for kept in self._all_kept())

    def step(self, view: BucketView) -> Judgement:
        """Judges one bucket and, unless interim, learns it."""
        span = view.span
        most_new = view.most_new(self._row_bytes) if view.may_add else 0
        touched = self.registry.rows_of(view.prepared, span, most_new=most_new)
        known = np.flatnonzero(touched >= 0)
        if not view.is_interim:
            self.buckets += 1
            self.registry.touch(touched[known], view.time)
            self._shift_clocks(view)
        group_of = np.full(len(self.registry), -1, np.intp)
        group_of[touched[known]] = span.start + known
        for kept in self._all_kept():
            kept.grow_to(len(self.registry))
        judgements = [
            self._step_part(view, part, values, group_of)
            for part, values in zip(self.parts, view.prepared.groups.values, strict=True)
        ]
        if len(known) and not view.is_interim:
            self.returns.learn(touched[known], self.job.bucket_span)
        return Judgement(
            np.concatenate([j.p for j in judgements]),
            np.concatenate([j.partition for j in judgements]),
            _best_per_entity([f for j in judgements for f in j.findings]),
            [plot for j in judgements for plot in j.plots],
            [note for j in judgements for note in j.annotations],
            0 if view.is_interim else len(touched) - len(known),
        )

    def _step_part(self, view: BucketView, part: SeriesPart, values: Floats, group_of: Rows) -> Judgement:
        rows, value = _values(part.function, values, group_of)
        if not len(rows):
            return Judgement.empty()
        model, feature = part.model, part.function.feature
        if view.is_interim and feature in SUM_LIKE:
            value = completed(value, model.predict(view.time, rows).typical, view.completeness)
        samples = view.prepared.groups.count[group_of[rows]] if feature in SAMPLED else None
        judged = model.judge(view.time, rows, value, samples, self._outside(part, group_of))
        bucket = PartBucket(view, part, judged, group_of, _nearest_modes(part, judged))
        skipped, weight = self._effects(bucket)
        p = np.where(judged.ready & ~skipped, judged.p, 1.0)
        if view.is_interim and samples is not None:
            # The first few records of a bucket prove nothing of its mean.
            p = p ** np.clip(ENOUGH_RECORDS * samples / model.records.usual(rows), 0.0, 1.0)
        # The history of scores counts an event once.
        is_learnt = (weight > 0.5) & ~judged.goes_on
        findings = [
            replace(self._finding(bucket, i, float(p[i])), is_learnt=bool(is_learnt[i]))
            for i in np.flatnonzero(p < WORTH_WRITING).tolist()
        ]
        plots, notes = ([], []) if view.is_interim else (list(self._plots(bucket)), self._learn(bucket, weight))
        return Judgement(p, self._partitions(rows), findings, plots, notes)

    def _outside(self, part: SeriesPart, group_of: Rows) -> Outside | None:
        """How improbable values are for what the model of a series does not see: its modes, and that it was gone."""
        function = part.function
        off_modes = part.modes.off_modes if function.side == 0 else None
        is_of_presence = function.is_count or function.empty is Empty.ZERO
        if function.side < 0 or not is_of_presence or len(group_of) < 2:
            return off_modes
        back, present = np.ones(len(group_of)), np.flatnonzero(group_of >= 0)
        back[present] = self.returns.p(present)

        def p(rows: Rows, value: Floats, spread: Floats) -> Floats:
            return back[rows] if off_modes is None else minimum(off_modes(rows, value, spread), back[rows])

        return p

    def _learn(self, bucket: PartBucket, weight: Floats) -> list[Document]:
        """Learns a bucket, `weight` (0..1) of each series; returns annotations of the lasting changes found."""
        view, part, judged = bucket.view, bucket.part, bucket.judged
        changes = part.model.learn(view.time, judged, weight)
        learning = weight > 0.5
        part.modes.learn(view.bucket, judged.rows[learning], judged.value[learning])
        part.means.learn(view.time, judged.rows[learning], judged.value[learning])
        return [self._annotation(view, part.function, change) for change in changes]

    def _annotation(self, view: BucketView, function: Function, change: Change) -> Document:
        """What the model tells of a change of its own."""
        field = f"({self.spec.field})" if self.spec.field else ""
        out: Document = {
            "annotation": f"{_told(change)} in {function.name}{field}",
            "timestamp": view.time * 1000,
            "end_timestamp": view.time * 1000,
            "type": "annotation",
            "event": "model_change",
            "detector_index": self.spec.index,
        }
        return out | self._names(change.row)

    def _shift_clocks(self, view: BucketView) -> None:
        """Events move all patterns; a rule moves each series it names once, by time and scope alone."""
        everyone = np.arange(len(self.registry))
        shifts = [(everyone, seconds) for seconds in view.effect.shifts]
        if self.rules.has_shifts:
            unknown = np.full(len(everyone), np.nan)
            asked = self.rules.masks(self._key_columns(everyone), unknown, unknown, view.time)
            for row in np.flatnonzero(asked.shift_rule >= 0).tolist():
                once = (int(asked.shift_rule[row]), *self.registry.keys[row])
                if once not in self.shifted:
                    self.shifted.add(once)
                    shifts.append((everyone[row : row + 1], int(asked.time_shift_s[row])))
        for part in self.parts if shifts else ():
            part.model.grow_to(len(self.registry))
            for rows, seconds in shifts:
                part.model.move(rows, seconds)

    def prune(self, before: int) -> None:
        """Forgets series without data since `before` (epoch seconds)."""
        kept = self.registry.active_since(before)
        if len(kept) < len(self.registry):
            for stored in self._all_kept():
                stored.grow_to(len(self.registry))
                stored.keep(kept)
            self.registry.keep(kept)

    def _effects(self, bucket: PartBucket) -> tuple[Mask, Floats]:
        """(whose result is skipped, how much each series learns) by rules, events and exclude_frequent."""
        view, judged, mode = bucket.view, bucket.judged, bucket.mode
        count = len(judged.rows)
        skipped = np.full(count, view.effect.skip_result)
        if self.spec.by and self.spec.exclude_frequent in ("all", "by"):
            skipped = skipped | is_frequent(self.registry.seen(judged.rows), self.buckets)
        weight = np.full(count, 0.0 if view.effect.skip_model_update else 1.0)
        if not self.rules.is_empty:
            typical = judged.typical.copy()
            typical[list(mode)] = list(mode.values())
            asked = self.rules.masks(self._key_columns(judged.rows), judged.value, typical, view.time)
            skipped = skipped | asked.skip_result
            weight = np.where(asked.skip_model_update, np.minimum(weight, RULE_SKIP_WEIGHT), weight)
        return skipped, weight

    def _finding(self, bucket: PartBucket, i: int, p: float) -> Finding:
        view, judged, part = bucket.view, bucket.judged, bucket.part
        row = int(judged.rows[i])
        partition, by = self.registry.keys[row]
        group, mode = int(bucket.group_of[row]), bucket.mode.get(i)
        single, multi = float(judged.evidence.single[i]), float(judged.evidence.multi[i])
        anomaly = Anomaly(
            self.spec,
            view.rows,
            view.prepared.groups.members(group) if group >= 0 else np.empty(0, np.intp),
            view.weights,
            part.function.feature,
            float(judged.value[i]),
            lambda v, s: part.model.tail_ln(judged, i, v, s),
            single > ORDINARY_ALONE,
        )
        own = {f: v for f, v in ((self.spec.partition, partition), (self.spec.by, by)) if f}
        return Finding(
            self.spec,
            part.function,
            partition if self.spec.partition else None,
            by if self.spec.by else None,
            None,
            p,
            multi_bucket_impact(single, multi),
            [float(judged.value[i])],
            [float(judged.typical[i]) if mode is None else mode],
            explanation(part.model, judged, i, mode, view.completeness),
            youth=part.model.maturity(row),
            influences=influences(anomaly, self.job.influencers, own),
        )

    def _plots(self, bucket: PartBucket) -> Iterator[Document]:
        """Bounds and actual value of every series asked for."""
        judged, terms = bucket.judged, self.job.plot_terms
        for i in np.flatnonzero(judged.ready).tolist() if self.job.plot_enabled else ():
            row = int(judged.rows[i])
            if terms and not terms & set(self.registry.keys[row]):
                continue
            spread = float(judged.spread[i] * judged.factor[i])
            lower, upper = bucket.part.model.bounds(float(judged.typical[i]), spread, row)
            yield {
                **self._plot_head(bucket.view),
                **self._names(row),
                "model_feature": plot_feature(bucket.part.function),
                "model_lower": lower,
                "model_upper": upper,
                "model_median": float(judged.typical[i]),
                "actual": float(judged.value[i]),
            }

    def entity_counts(self) -> tuple[int, int, int]:
        """How many by, partition and over values are modelled."""
        return len(self.registry), len(self.registry.partitions), 0

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""
        return self._shared_state() | {
            "models": [part.model.state() for part in self.parts],
            "modes": [part.modes.state() for part in self.parts],
            "means": [part.means.state() for part in self.parts],
            "returns": self.returns.state(),
            "shifted": [list(once) for once in sorted(self.shifted)],
        }

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`; raises StateError if it lacks something."""
        self._restore_shared(tree)
        shifted = [tuple(str(value) for value in once) for once in list_of(tree, "shifted") if isinstance(once, list)]
        self.shifted = {(int(rule), partition, by) for rule, partition, by in shifted}
        self.returns.restore(tree.get("returns"))
        names = ("models", "modes", "means")
        for part, *trees in zip(self.parts, *(list_of(tree, name) for name in names), strict=True):
            for kept, saved in zip(part.kept, trees, strict=True):
                kept.restore(saved)

    def _all_kept(self) -> list[Growable]:
        return [self.returns, *(kept for part in self.parts for kept in part.kept)]

    def nbytes(self) -> int:
        """Bytes of models and names."""
        return self._shared_bytes() + sum(kept.nbytes() for kept in self._all_kept())


def _part(function: Function, span: int) -> SeriesPart:
    model = SeriesModel(
        span,
        side=function.side,
        is_count=function.is_count,
        non_negative=function.feature in NON_NEGATIVE_FEATURES,
        zero_empty=function.empty is Empty.ZERO,
    )
    return SeriesPart(function, model, Modes(), DailyMeans(span))


def _values(function: Function, values: Floats, group_of: Rows) -> tuple[Rows, Floats]:
    """(the series with a value in this bucket, the value of each), from the group of every series (-1 = absent)."""
    if function.empty is Empty.ZERO:
        return np.arange(len(group_of)), np.where(group_of >= 0, np.append(values, 0.0)[group_of], 0.0)
    rows = np.flatnonzero(group_of >= 0)
    return rows, values[group_of[rows]]


def _nearest_modes(part: SeriesPart, judged: Judged) -> dict[int, float]:
    """Position of every unusual value of a series with several modes -> the mode it is nearest to."""
    out = {}
    for i in np.flatnonzero(judged.ready & (judged.p < WORTH_WRITING)).tolist():
        if part.model.is_count and judged.typical[i] < LOW_COUNT:
            continue
        mode = part.modes.nearest(int(judged.rows[i]), float(judged.value[i]), float(judged.spread[i]))
        if mode is not None:
            out[i] = mode
    return out


def _best_per_entity(findings: list[Finding]) -> list[Finding]:
    """`metric` has three parts an entity; its record shows the most unusual."""
    best: dict[tuple[str | None, str | None], Finding] = {}
    for finding in findings:
        key = (finding.partition, finding.by)
        if key not in best or finding.p < best[key].p:
            best[key] = finding
    return list(best.values())


def _told(change: Change) -> str:
    if change.kind == "calendar":
        return f"{calendar_days.title(change.size)} unlike other days"
    return _CHANGES[change.kind].format(change.size)
