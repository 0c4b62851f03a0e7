"""A detector whose entities are series: individual analysis of counts and metrics, split by partition and by.

Here: which series a bucket touches (absent ones count as 0 where the function says so), rules, records and
plots. The arithmetic is models/series.py.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.buckets import aggregate
from proxy.engine.columns import Columns
from proxy.engine.daily_means import DailyMeans
from proxy.engine.explain import explanation, multi_bucket_impact
from proxy.engine.findings import BucketView, Finding, Judgement
from proxy.engine.functions import NON_NEGATIVE_FEATURES, Empty, Function, plot_feature
from proxy.engine.influence import influences
from proxy.engine.models import calendar_days
from proxy.engine.models.clock_shift import shift_patterns
from proxy.engine.models.series import LOW_COUNT, Change, Judged, SeriesModel
from proxy.engine.modes import Modes
from proxy.engine.probability import WORTH_WRITING
from proxy.engine.registry import BYTES_A_NAME, Prepared, Registry, is_frequent
from proxy.engine.results import Document, Floats
from proxy.engine.rows import RowSet
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec

# A rule that skips the model update leaves this much: the model may follow a lasting change in the end.
RULE_SKIP_WEIGHT = 0.005
# Features that get more certain with the number of records they rest on.
SAMPLED = frozenset({"mean", "median", "varp"})
# An interim mean of half the usual records is believed in full.
ENOUGH_RECORDS = 2.0
SUM_LIKE = frozenset({"count", "sum", "distinct_count", "info_content"})

_CHANGES = {
    "level shift": "Level shift of {:.6g}",
    "linear scale": "Linear scale by {:.3g}",
    "time shift": "Time shift of {:.0f}s",
    "period": "Periodicity with period {:.0f}s",
}


class SeriesDetector:
    """State of one detector: the names of its series and one SeriesModel per part."""

    def __init__(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        self.spec, self.job, self.rules = spec, job, rules
        self.registry = Registry()
        self.buckets = 0
        # (rule number, partition, by) of the clock shifts already made.
        self.shifted: set[tuple[int, str, str]] = set()
        self.models = [
            SeriesModel(
                job.bucket_span,
                side=part.side,
                is_count=part.is_count,
                non_negative=part.feature in NON_NEGATIVE_FEATURES,
                zero_empty=part.empty is Empty.ZERO,
            )
            for part in spec.parts
        ]
        self.modes = [Modes() for _ in spec.parts]
        self.means = [DailyMeans(job.bucket_span) for _ in spec.parts]

    def prepare(self, rows: RowSet, weights: Floats | None) -> Prepared:
        """Aggregates rows of any number of buckets."""
        groups = aggregate(rows, self.spec, self.job.bucket_span, weights)
        return self.registry.prepare(groups, rows, self.spec)

    def step(self, view: BucketView) -> Judgement:
        """Judges one bucket and, unless interim, learns it."""
        span = view.span
        row_bytes = BYTES_A_NAME + sum(columns.bytes_per_series() for columns in self._all_columns())
        most_new = view.most_new(row_bytes) if view.may_add else 0
        touched = self.registry.rows_of(view.prepared, span, most_new=most_new)
        known = np.flatnonzero(touched >= 0)
        if not view.is_interim:
            self.buckets += 1
            self.registry.touch(touched[known], view.time)
            self._shift_clocks(view)
        group_of = np.full(len(self.registry), -1, np.intp)
        group_of[touched[known]] = span.start + known
        judgements = []
        for number, values in enumerate(view.prepared.groups.values):
            self.models[number].columns.grow_to(len(self.registry))
            self.modes[number].columns.grow_to(len(self.registry))
            self.means[number].columns.grow_to(len(self.registry))
            judgements.append(self._step_part(view, number, values, group_of))
        return Judgement(
            np.concatenate([j.p for j in judgements]),
            np.concatenate([j.partition for j in judgements]),
            _best_per_entity([f for j in judgements for f in j.findings]),
            [plot for j in judgements for plot in j.plots],
            [note for j in judgements for note in j.annotations],
            0 if view.is_interim else len(touched) - len(known),
        )

    def _step_part(self, view: BucketView, number: int, values: Floats, group_of: NDArray[np.intp]) -> Judgement:
        model, part = self.models[number], self.spec.parts[number]
        if part.empty is Empty.ZERO:
            rows = np.arange(len(group_of))
            value = np.where(group_of >= 0, np.append(values, 0.0)[group_of], 0.0)
        else:
            rows = np.flatnonzero(group_of >= 0)
            value = values[group_of[rows]]
        if not len(rows):
            return Judgement.empty()
        if view.is_interim and part.feature in SUM_LIKE:
            value = self._completed(model, view, rows, value)
        samples = view.prepared.groups.count[group_of[rows]] if part.feature in SAMPLED else None
        judged = model.judge(view.time, rows, value, samples)
        mode = self._nearest_modes(number, judged)
        skipped, weight = self._effects(view, judged, mode)
        p = np.where(judged.ready & ~skipped, judged.p, 1.0)
        if view.is_interim and samples is not None:
            # The first few records of a bucket prove nothing of its mean.
            usual = np.maximum(model.columns["samples"][rows], 1.0)
            p = p ** np.clip(ENOUGH_RECORDS * samples / usual, 0.0, 1.0)
        partition = np.array(self.registry.partition_of, np.int64)[rows]
        findings = [
            self._finding(view, number, judged, int(i), float(p[i]), mode.get(int(i)), group_of)
            for i in np.flatnonzero(p < WORTH_WRITING)
        ]
        plots = [] if view.is_interim else self._plots(view, part, judged)
        notes: list[Document] = []
        if not view.is_interim:
            changes = model.learn(view.time, judged, weight)
            self.modes[number].learn(view.bucket, rows[weight > 0.5], value[weight > 0.5])
            self.means[number].learn(view.time, rows[weight > 0.5], value[weight > 0.5])
            notes = [self._annotation(view, part, change) for change in changes]
        return Judgement(p, partition, findings, plots, notes)

    def _nearest_modes(self, number: int, judged: Judged) -> dict[int, float]:
        """Position of every unusual value of a series with several modes -> the mode it is nearest to."""
        model, out = self.models[number], {}
        for i in np.flatnonzero(judged.ready & (judged.p < WORTH_WRITING)).tolist():
            if model.is_count and judged.typical[i] < LOW_COUNT:
                continue
            mode = self.modes[number].nearest(int(judged.rows[i]), float(judged.value[i]), float(judged.spread[i]))
            if mode is not None:
                out[i] = mode
        return out

    def _annotation(self, view: BucketView, part: Function, change: Change) -> Document:
        """What the model tells of a change of its own."""
        field = f"({self.spec.field})" if self.spec.field else ""
        out: Document = {
            "annotation": f"{_told(change)} in {part.name}{field}",
            "timestamp": view.time * 1000,
            "end_timestamp": view.time * 1000,
            "type": "annotation",
            "event": "model_change",
            "detector_index": self.spec.index,
        }
        partition, by = self.registry.keys[change.row]
        if self.spec.partition:
            out |= {"partition_field_name": self.spec.partition, "partition_field_value": partition}
        if self.spec.by:
            out |= {"by_field_name": self.spec.by, "by_field_value": by}
        return out

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
        for model in self.models if shifts else ():
            model.columns.grow_to(len(self.registry))
            for rows, seconds in shifts:
                shift_patterns(model.columns, rows, seconds)

    def prune(self, before: int) -> None:
        """Forgets series without data since `before`."""
        kept = self.registry.active_since(before)
        if len(kept) < len(self.registry):
            for columns in self._all_columns():
                columns.grow_to(len(self.registry))
                columns.keep(kept)
            self.registry.keep(kept)

    def _completed(self, model: SeriesModel, view: BucketView, rows: NDArray[np.intp], value: Floats) -> Floats:
        """A half-full bucket is topped up towards what is normal, by no more than what may still come."""
        typical = model.predict(view.time, rows).typical
        return value + np.clip(typical - value, 0.0, np.maximum((1.0 - view.completeness) * typical, 0.0))

    def _effects(self, view: BucketView, judged: Judged, mode: dict[int, float]) -> tuple[NDArray[np.bool_], Floats]:
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

    def _key_columns(self, rows: NDArray[np.intp]) -> dict[str, tuple[NDArray[np.intp], list[str]]]:
        named = ((self.spec.partition, 0), (self.spec.by, 1))
        return {f: (rows, [k[place] for k in self.registry.keys]) for f, place in named if f}

    def _finding(
        self,
        view: BucketView,
        number: int,
        judged: Judged,
        i: int,
        p: float,
        mode: float | None,
        group_of: NDArray[np.intp],
    ) -> Finding:
        model, part = self.models[number], self.spec.parts[number]
        row = int(judged.rows[i])
        partition, by = self.registry.keys[row]
        own = {f: v for f, v in ((self.spec.partition, partition), (self.spec.by, by)) if f}
        group = int(group_of[row])
        members = view.prepared.groups.members(group) if group >= 0 else np.empty(0, np.intp)
        blame = influences(
            self.spec,
            self.job.influencers,
            own,
            view.rows,
            members,
            view.weights,
            part.feature,
            float(judged.value[i]),
            lambda v, s: model.tail_ln(judged, i, v, s),
            bool(judged.p_single[i] > 0.05),
        )
        return Finding(
            self.spec,
            part,
            partition if self.spec.partition else None,
            by if self.spec.by else None,
            None,
            p,
            multi_bucket_impact(float(judged.p_single[i]), float(judged.p_multi[i])),
            [float(judged.value[i])],
            [float(judged.typical[i]) if mode is None else mode],
            explanation(model, judged, i, mode, view.completeness),
            youth=model.youth(row),
            influences=blame,
        )

    def _plots(self, view: BucketView, part: Function, judged: Judged) -> list[Document]:
        """Bounds and actual value of every series asked for."""
        if not self.job.plot_enabled:
            return []
        terms = self.job.plot_terms
        return [
            self._plot(view, part, judged, int(i))
            for i in np.flatnonzero(judged.ready)
            if not terms or terms & set(self.registry.keys[int(judged.rows[i])])
        ]

    def _plot(self, view: BucketView, part: Function, judged: Judged, i: int) -> Document:
        model = self.models[self.spec.parts.index(part)]
        row = int(judged.rows[i])
        lower, upper = model.bounds(float(judged.typical[i]), float(judged.spread[i] * judged.factor[i]), row)
        partition, by = self.registry.keys[row]
        out: Document = {
            "bucket_span": self.job.bucket_span,
            "detector_index": self.spec.index,
            "timestamp": view.time * 1000,
        }
        if self.spec.partition:
            out |= {"partition_field_name": self.spec.partition, "partition_field_value": partition}
        if self.spec.by:
            out |= {"by_field_name": self.spec.by, "by_field_value": by}
        return out | {
            "model_feature": plot_feature(part),
            "model_lower": lower,
            "model_upper": upper,
            "model_median": float(judged.typical[i]),
            "actual": float(judged.value[i]),
        }

    def configure(self, spec: DetectorSpec, job: JobSpec, rules: RuleSet) -> None:
        """Takes over changed rules and settings."""
        self.spec, self.job, self.rules = spec, job, rules

    def entity_counts(self) -> tuple[int, int, int]:
        """How many by, partition and over values are modelled."""
        return len(self.registry), len(self.registry.partitions), 0

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""
        return {
            "keys": self.registry.state(),
            "buckets": self.buckets,
            "models": [m.columns.state() for m in self.models],
            "modes": [m.columns.state() for m in self.modes],
            "means": [m.columns.state() for m in self.means],
            "shifted": [list(once) for once in sorted(self.shifted)],
        }

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        keys, models, modes, means, shifted = (tree[name] for name in ("keys", "models", "modes", "means", "shifted"))
        assert isinstance(keys, dict) and isinstance(models, list)
        assert isinstance(modes, list) and isinstance(means, list) and isinstance(shifted, list)
        self.registry.restore(keys)
        self.buckets = int(str(tree["buckets"]))
        self.shifted = {(int(rule), str(partition), str(by)) for rule, partition, by in shifted}
        for columns, arrays in zip(self._all_columns(), [*models, *modes, *means], strict=True):
            columns.restore(arrays)

    def _all_columns(self) -> list[Columns]:
        return [kept.columns for kept in (*self.models, *self.modes, *self.means)]

    def nbytes(self) -> int:
        """Bytes of models and names."""
        return self.registry.name_bytes + sum(columns.nbytes() for columns in self._all_columns())


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
