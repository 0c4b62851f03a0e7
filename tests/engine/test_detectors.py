"""Detectors without the job around them: populations against naive ones, many series against each alone."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.findings import BucketView
from proxy.engine.population_detector import PopulationDetector
from proxy.engine.probability import WORTH_WRITING, any_of, combine_ln
from proxy.engine.rows import RowSet
from proxy.engine.rules import QUIET_BUCKET, RuleSet
from proxy.engine.series_detector import SeriesDetector
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import column, config
from tests.engine.naive_aggregate import naive_feature, naive_groups
from tests.engine.naive_population import NaivePopulation

HOUR = 3600


def a_detector(kind, function, **fields):
    field = None if function == "count" else "value"
    job = spec_from(config({"function": function, "field_name": field} | fields))
    return kind(job.detectors[0], job, RuleSet())


def steps(detector, rows, buckets):
    """A detector's judgement of each bucket, all of it learnt."""
    texts = {f: column(v) for f, v in rows.items() if f not in ("time", "value")}
    row_set = RowSet(np.array(rows["time"], np.int64), texts, {"value": np.array(rows["value"], float)})
    prepared = detector.prepare(row_set, None)
    for bucket in range(buckets):
        yield detector.step(BucketView(bucket * HOUR, bucket, row_set, None, prepared, QUIET_BUCKET))


def some_rows(rng, buckets, a_bucket, **names):
    """Random rows with these names, of which some rarely happen; the values of some are wild."""
    size = buckets * a_bucket
    chosen = {
        f: [values[i] for i in np.minimum(rng.geometric(0.3, size) - 1, len(values) - 1)] for f, values in names.items()
    }
    value = rng.normal(20, 3, size) * np.where(rng.random(size) < 0.01, 30, 1)
    return {"time": np.sort(rng.integers(0, buckets * HOUR, size)).tolist(), "value": value.tolist(), **chosen}


def naive_people(function, rows, buckets):
    """bucket -> partition -> p of everybody there, sorted."""
    is_count = function == "count"
    side = 1 if function == "max" else 0
    models = defaultdict(lambda: NaivePopulation(HOUR, side=side, non_negative=is_count, is_count=is_count))
    groups = naive_groups(rows, ("part", "by", "who"), HOUR)
    out = []
    for bucket in range(buckets):
        time = bucket * HOUR
        there = {key[1:]: naive_feature(function, rows, "value", m) for key, m in groups.items() if key[0] == bucket}
        each = defaultdict(list)
        for (part, by, who), value in there.items():
            each[part, who].append(models[part, by].p(time, value))
        joined = defaultdict(list)
        people = Counter(part for part, _ in each)
        for (part, _), p in each.items():
            alone = len(p) == 1 or min(p) >= WORTH_WRITING
            person = min(p) if alone else np.exp(max(combine_ln(np.array(p), 0.5, 0.5, 5), -690.0))
            joined[part].append(float(any_of(np.array([person]), max(1, people[part] // 10))[0]))
        out.append({part: sorted(p) for part, p in joined.items()})
        for attribute in {(part, by) for part, by, _ in there}:
            models[attribute].learn(time, [v for (part, by, _), v in there.items() if (part, by) == attribute])
    return out


@pytest.mark.parametrize("function", ["count", "mean", "max"])
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32), people=st.sampled_from([3, 40]))
def test_a_population_is_judged_as_by_a_naive_one(function, seed, people):
    rng, buckets = np.random.default_rng(seed), 50
    who = [f"user {i}" for i in range(people)] * 3
    rng.shuffle(who)
    rows = some_rows(rng, buckets, 60, part=["x", "y"], by=["a", "b"], who=who)
    detector = a_detector(
        PopulationDetector, function, partition_field_name="part", by_field_name="by", over_field_name="who"
    )
    names = {}
    wanted = naive_people(function, rows, buckets)
    for bucket, judgement in enumerate(steps(detector, rows, buckets)):
        names = dict(enumerate(detector.registry.partitions))
        found = defaultdict(list)
        for p, partition in zip(judgement.p, judgement.partition, strict=True):
            found[names[int(partition)]].append(float(p))
        assert found.keys() == wanted[bucket].keys()
        for part, p in wanted[bucket].items():
            assert np.log(sorted(found[part])) == pytest.approx(np.log(p), rel=1e-3, abs=1e-3)
        assert len(judgement.findings) == sum(p < WORTH_WRITING for p in judgement.p)


@pytest.mark.parametrize("function", ["count", "sum", "mean", "min"])
@pytest.mark.parametrize("seed", range(2))
def test_a_series_among_others_is_judged_as_alone(function, seed):
    rng, buckets = np.random.default_rng(seed), 80
    rows = some_rows(rng, buckets, 8, part=["x", "y"], by=["a", "b", "c", "seldom"])
    fields = {"partition_field_name": "part", "by_field_name": "by"}
    together = a_detector(SeriesDetector, function, **fields)
    keys = sorted(set(zip(rows["part"], rows["by"], strict=True)))
    chosen = {key: [i for i, k in enumerate(zip(rows["part"], rows["by"], strict=True)) if k == key] for key in keys}
    apart = {key: a_detector(SeriesDetector, function, **fields) for key in keys}
    alone = {key: steps(apart[key], {f: [v[i] for i in chosen[key]] for f, v in rows.items()}, buckets) for key in keys}
    for judgement in steps(together, rows, buckets):
        parts = [p for key in keys for p in next(alone[key]).p.tolist()]
        assert sorted(judgement.p.tolist()) == sorted(parts)
