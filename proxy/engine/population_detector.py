"""Counts and metrics of entities compared with each other (an over field). The arithmetic is models/population.py."""

from collections.abc import Iterator

import numpy as np

from proxy.engine.columns import Rows
from proxy.engine.detector import SUM_LIKE, completed, list_of
from proxy.engine.findings import BucketView
from proxy.engine.functions import NON_NEGATIVE_FEATURES, Function, plot_feature
from proxy.engine.group_detector import GroupDetector, GroupScores, Present, no_explanation
from proxy.engine.influence import TailLn
from proxy.engine.models.component import Mask
from proxy.engine.models.population import PopulationModel, PopulationScores
from proxy.engine.probability import any_of
from proxy.engine.results import Document, Floats
from proxy.engine.rules import RuleSet
from proxy.engine.spec import DetectorSpec, JobSpec


class PopulationDetector(GroupDetector):
    """One model for each feature: one, or the three of `metric`."""

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
            model.grow_to(len(self.registry))
        values = [v[present.groups] for v in view.prepared.groups.values]
        if view.is_interim and self.spec.parts[0].feature in SUM_LIKE:
            values = [self._completed(m, view, present, v) for m, v in zip(self.models, values, strict=True)]
        each = [m.judge(view.time, present.rows, v) for m, v in zip(self.models, values, strict=True)]
        p = np.stack([s.p for s in each])
        part = p.argmin(axis=0)
        at = np.arange(len(part))
        actual = np.stack([s.value for s in each])[part, at][:, None]
        typical = np.stack([s.typical for s in each])[part, at][:, None]

        def tail_ln(i: int) -> TailLn:
            model, scores = self.models[int(part[i])], each[int(part[i])]
            return lambda value, spread: model.tail_ln(scores, i, value, spread)

        return GroupScores(any_of(p.min(axis=0), len(each)), actual, typical, part, tail_ln, no_explanation, each)

    def _completed(self, model: PopulationModel, view: BucketView, present: Present, value: Floats) -> Floats:
        return completed(value, model.judge(view.time, present.rows, value).typical, view.completeness)

    def _learn(self, view: BucketView, present: Present, scores: GroupScores, taken: Mask) -> None:
        for model, inner in zip(self.models, _scores_of(scores), strict=True):
            model.learn(view.time, inner, taken)

    def _plots(self, view: BucketView, present: Present, scores: GroupScores) -> list[Document]:
        return [
            plot
            for model, part, inner in zip(self.models, self.spec.parts, _scores_of(scores), strict=True)
            for plot in self._plots_of(view, present, model, part, inner)
        ]

    def _plots_of(
        self, view: BucketView, present: Present, model: PopulationModel, part: Function, inner: PopulationScores
    ) -> Iterator[Document]:
        lower, upper = model.bounds(inner)
        ready, terms = model.is_ready(present.rows), self.job.plot_terms
        # Groups are numbered anew with every batch; attributes and over entities are not.
        order = np.lexsort((present.over, present.rows))
        for i in order[ready[order]].tolist():
            row, over = int(present.rows[i]), self._over_value(view, int(present.groups[i])) or ""
            if terms and not terms & {*self.registry.keys[row], over}:
                continue
            yield {
                **self._plot_head(view),
                **self._names(row, over),
                "model_feature": plot_feature(part, is_population=True),
                "model_lower": float(lower[i]),
                "model_upper": float(upper[i]),
                "model_median": float(inner.typical[i]),
                "actual": float(inner.value[i]),
            }

    def _bytes_per_row(self) -> int:
        return sum(model.bytes_per_series() for model in self.models)

    def _keep(self, rows: Rows) -> None:
        for model in self.models:
            model.grow_to(len(self.registry))
            model.keep(rows)

    def _shift_clock(self, seconds: int) -> None:
        for model in self.models:
            model.move(np.arange(model.size), seconds)

    def state(self) -> dict[str, object]:
        """Tree of everything learnt."""
        return self._shared_state() | {"models": [m.state() for m in self.models]}

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`; raises StateError if it lacks something."""
        self._restore_shared(tree)
        for model, saved in zip(self.models, list_of(tree, "models"), strict=True):
            model.restore(saved)

    def nbytes(self) -> int:
        """Bytes of models and names."""
        return self._shared_bytes() + sum(m.nbytes() for m in self.models)


def _scores_of(scores: GroupScores) -> list[PopulationScores]:
    assert isinstance(scores.inner, list)
    return scores.inner
