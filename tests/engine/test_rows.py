"""Storage of rows, series and state against naive twins: rows.py, registry.py, columns.py, models/clock_shift.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.buckets import aggregate
from proxy.engine.columns import Columns, Slot
from proxy.engine.models.patterns import roll
from proxy.engine.models.series import SeriesModel
from proxy.engine.registry import Interner, Registry
from proxy.engine.rows import OpenRows, RowSet
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import batch, column, config
from tests.engine.naive_rows import NaiveOpenRows, NaiveRegistry, NaiveTable

TEXT = st.sampled_from([None, "", "a", "b", "long ago"])
ROW = st.fixed_dictionaries({"time": st.integers(0, 50), "who": TEXT, "what": TEXT, "value": st.floats(-5, 5)})
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(ROW, max_size=8), st.integers(0, 50)),
    st.tuples(st.just("drop_before"), st.integers(0, 50)),
    st.tuples(st.just("drop_between"), st.integers(0, 50), st.integers(0, 50)),
    st.tuples(st.just("restart")),
)


def as_dicts(rows):
    """A RowSet read back row by row."""
    return [
        {
            "time": int(time),
            **{f: c.values[c.codes[i]] if c.codes[i] >= 0 else None for f, c in rows.text.items()},
            "value": float(rows.numbers["value"][i]),
        }
        for i, time in enumerate(rows.time)
    ]


def batch_of(rows):
    texts = {field: [row[field] for row in rows] for field in ("who", "what")}
    return batch([row["time"] for row in rows], texts, {"value": [row["value"] for row in rows]})


@settings(deadline=None)
@given(steps=st.lists(STEP, max_size=12))
def test_open_rows_equal_a_list_of_dicts(steps):
    fast, slow = OpenRows(("who", "what"), ("value",)), NaiveOpenRows()
    for name, *arguments in steps:
        if name == "append":
            rows, least = arguments
            accepted = [row["time"] >= least for row in rows]
            missing = fast.append(batch_of(rows), np.array(accepted, bool))
            taken = [row for row, is_taken in zip(rows, accepted, strict=True) if is_taken]
            assert missing == sum(value in (None, "") for row in taken for value in row.values())
            slow.append(taken)
        elif name == "drop_before":
            assert as_dicts(fast.drop_before(*arguments)) == slow.drop_before(*arguments)
        elif name == "drop_between":
            fast.drop_between(*arguments)
            slow.drop_between(*arguments)
        else:
            state = fast.state()
            fast = OpenRows(("who", "what"), ("value",))
            fast.restore(state)
        assert as_dicts(fast.rows()) == slow.open
        assert fast.count == len(slow.open)
        assert fast.earliest() == min((row["time"] for row in slow.open), default=None)


BUCKET = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["b", "a", "", "c"])), max_size=6)


@settings(deadline=None)
@given(buckets=st.lists(BUCKET, max_size=10), forget_every=st.integers(2, 5))
def test_series_are_numbered_as_a_dict_would(buckets, forget_every):
    detector = {"function": "count", "partition_field_name": "part", "by_field_name": "by"}
    spec = spec_from(config(detector)).detectors[0]
    fast, slow = Registry(), NaiveRegistry()
    for time, keys in enumerate(buckets):
        text = {"part": column([part for part, _ in keys]), "by": column([by for _, by in keys])}
        groups = aggregate(RowSet(np.full(len(keys), time), text, {}), spec, 1, None)
        prepared = fast.prepare(groups, RowSet(np.full(len(keys), time), text, {}), spec)
        found = fast.rows_of(prepared, groups.of_bucket(time), most_new=np.inf)
        fast.touch(found, time)
        named = [tuple(text[f].values[c] for f, c in (("part", p), ("by", b))) for p, b in _pairs(groups)]
        assert found.tolist() == slow.see(named, time)
        if time % forget_every == 0:
            slow.forget_before(time - 2)
            kept = fast.active_since(time - 2)
            if len(kept) < len(fast):
                fast.keep(kept)
        assert fast.keys == list(slow.active)
        assert list(fast.partitions) == list(dict.fromkeys(part for part, _ in slow.active))


def _pairs(groups):
    return list(zip(groups.codes["part"].tolist(), groups.codes["by"].tolist(), strict=True))


@settings(deadline=None)
@given(buckets=st.lists(st.lists(TEXT, min_size=1, max_size=6), max_size=8), may_add=st.booleans())
def test_names_are_numbered_in_order_of_first_appearance(buckets, may_add):
    fast, known = Interner(), []
    for texts in buckets:
        there = column(texts)
        new = sorted({t or "" for t in texts} - set(known))
        found = fast.codes_of(there.codes, there.values, may_add=may_add)
        numbered = known + new
        assert found.tolist() == [numbered.index(t or "") for t in texts]
        known = numbered if may_add else known
        assert len(fast) == len(known)


CHANGE = st.one_of(
    st.tuples(st.just("grow_to"), st.integers(0, 9)),
    st.tuples(st.just("write"), st.integers(0, 8), st.floats(-9, 9, width=32)),
    st.tuples(st.just("keep"), st.sets(st.integers(0, 8))),
    st.tuples(st.just("reset"), st.sets(st.integers(0, 8))),
    st.tuples(st.just("restart")),
)


@settings(deadline=None)
@given(changes=st.lists(CHANGE, max_size=12))
def test_state_grows_and_shrinks_like_a_list_of_series(changes):
    layout = {"cell": Slot("f4", (3,), 1.5)}
    fast, slow = Columns(**layout), NaiveTable(3, 1.5)
    for name, *arguments in changes:
        size = len(slow.series)
        if name == "write" and arguments[0] < size:
            fast._cell[1, arguments[0]] = slow.series[arguments[0]][1] = arguments[1]
        elif name == "grow_to":
            fast.grow_to(*arguments)
            slow.grow_to(*arguments)
        elif name in ("keep", "reset"):
            rows = sorted(row for row in arguments[0] if row < size)
            getattr(fast, name)(np.array(rows, np.intp))
            getattr(slow, name)(rows)
        elif name == "restart":
            state = fast.state()
            fast = Columns(**layout)
            fast.restore(state)
        assert fast.state()["cell"].T.tolist() == slow.series
        assert fast.nbytes() == 12 * len(slow.series)


@pytest.mark.parametrize(("bins", "period"), [(24, 86400), (96, 86400), (168, 604800)])
@given(seconds=st.integers(-700_000, 700_000), chosen=st.sets(st.integers(0, 3)))
def test_tables_roll_cell_by_cell_and_only_for_whom_they_are_asked(bins, period, seconds, chosen):
    table = np.random.default_rng(1).normal(size=(bins, 4))
    before, twin = table.copy(), NaiveTable(bins, 0.0)
    twin.series = table.T.tolist()
    twin.shift(seconds, period)
    roll(table, np.array(sorted(chosen), np.intp), seconds, period)
    for row in range(4):
        assert table[:, row].tolist() == (twin.series[row] if row in chosen else before[:, row].tolist())


@pytest.mark.parametrize("seconds", [3600, -7200, 86400])
def test_every_table_of_a_model_moves_with_its_clock_and_nothing_else_does(seconds):
    model = SeriesModel(3600, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(2)
    model.restore(_shuffled(model.state()))
    before = model.state()
    model.move(np.array([1]), seconds)
    moved = {f"{part}.{name}" for part, arrays in model.state().items() for name, array in arrays.items()
             if not np.array_equal(array, before[part][name], equal_nan=True)}  # fmt: skip
    hours = {"patterns.day", "patterns.day_n", "spread_of_day.spread"}
    weeks = {"patterns.week", "patterns.week_n"}
    # A day is a whole turn of the day's tables; the marks of the week are bytes of eight hours.
    wanted = weeks | {"patterns.week_far"} if seconds == 86400 else hours | weeks
    assert moved == wanted | {f"home_{name}" for name in wanted}
    for part, name in (("patterns", "day"), ("spread_of_day", "spread"), ("patterns", "week")):
        assert np.array_equal(model.state()[part][name][:, 0], before[part][name][:, 0])


def _shuffled(state):
    rng = np.random.default_rng(2)
    return {
        part: {name: rng.integers(0, 99, array.shape).astype(array.dtype) for name, array in arrays.items()}
        for part, arrays in state.items()
    }
