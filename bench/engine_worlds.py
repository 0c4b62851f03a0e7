"""Runs the worlds of worlds.py and crowds.py through jobs (records in, documents out) and judges what users would see.

The twenty seeds of a world are the partitions of one job.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from bench import jobs
from bench.crowds import CROWDS, Crowd
from bench.worlds import DAY, HOUR, SEEDS, START, WORLDS, World
from proxy.engine import Batch, Column, Results
from proxy.engine.results import Document, Floats

MONTH_S = 30 * DAY
SERIOUS, SHOWN = 75.0, 25.0
# What is asked of every world.
MOST_SERIOUS, MOST_UNREST_H = 1.0, 48.0
NAMES = (*WORLDS, *CROWDS)
KEYS = [f"series {i:02d}" for i in range(SEEDS)]
NAME_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one world; NaN where a question does not apply."""

    name: str
    span: int
    # Records of a score of 75 (25) and more per series and 30 days.
    serious: float
    shown: float
    # The planted anomaly's record_score by seed.
    spikes: Floats
    # Whether every other seed has a dip instead.
    has_dips: bool
    # Hours from a lasting change to the first day without a record of 25 and more, per seed.
    unrest_h: Floats
    # Root mean square of typical - expectation, in units of the noise, over the last third.
    misfit: float

    @property
    def is_quiet(self) -> bool:
        """No more false alarms than asked for."""
        return self.serious <= MOST_SERIOUS

    @property
    def is_prompt(self) -> bool:
        """Every spike is serious."""
        return bool(self.spikes.min() >= SERIOUS)

    @property
    def is_flexible(self) -> bool:
        """Every series of a world that changes is quiet in time."""
        return not np.nanmax(np.append(self.unrest_h, 0.0)) > MOST_UNREST_H


def run_world(world: World, values: Floats, *, plotted: bool = False) -> Results:
    """The results of buckets x seeds of values."""
    buckets = len(values)
    time = np.repeat(START + world.span * np.arange(buckets), SEEDS)
    codes = np.tile(np.arange(SEEDS, dtype=np.int32), buckets)
    flat = values.reshape(-1)
    if world.function == "count":
        known = flat > 0
        field: dict[str, object] = {"function": "count"}
        analysis = {"summary_count_field_name": "value"}
    else:
        known = np.isfinite(flat)
        field = {"function": world.function, "field_name": "value"}
        analysis = {}
    batch = Batch(time[known], {"key": Column(codes[known], KEYS)}, {"value": flat[known]})
    return jobs.run(field | {"partition_field_name": "key"}, batch, world.span, plotted=plotted, **analysis)


def first_scores(world: World, values: Floats) -> Floats:
    """initial_record_score of buckets x seeds of values, 0 where no record was written."""
    out = np.zeros(values.shape)
    for record in run_world(world, values).records:
        at = _bucket(record, world.span), KEYS.index(str(record["partition_field_value"]))
        out[at] = jobs.number(record, "initial_record_score")
    return out


def _table(records: list[Document], least: float, shape: tuple[int, int], span: int) -> np.ndarray:
    """Where, buckets x seeds, a record scores `least` and more."""
    out = np.zeros(shape, bool)
    for record in records:
        if _score(record) >= least:
            out[_bucket(record, span), KEYS.index(str(record["partition_field_value"]))] = True
    return out


def _score(record: Document) -> float:
    return jobs.number(record, "record_score")


def _bucket(record: Document, span: int) -> int:
    return (jobs.bucket_start(record) - START) // span


def _counted(world: World, buckets: int) -> np.ndarray:
    """The buckets whose records are false alarms."""
    day = np.arange(buckets) * world.span / DAY
    counted = day >= world.judged_from_days
    if world.changes_on_day is not None:
        counted &= (day < world.changes_on_day) | (day >= world.changes_on_day + 2)
    return counted


def _unrest(world: World, shown: np.ndarray) -> Floats:
    """Hours from the change to the first day without records, per seed; NaN without a change."""
    if world.changes_on_day is None:
        return np.full(SEEDS, np.nan)
    late = shown[int(world.changes_on_day * DAY / world.span) :]
    quiet = DAY // world.span
    out = np.zeros(SEEDS)
    for seed in range(SEEDS):
        loud = np.flatnonzero(late[:, seed])
        edges = np.concatenate([[-1], loud, [len(late) + quiet]])
        out[seed] = (edges[np.flatnonzero(np.diff(edges) > quiet)[0]] + 1) * world.span / HOUR
    return out


def _misfit(world: World, plots: list[Document]) -> float:
    """Root mean square of model_median - expectation over the last third of the clean form."""
    if not world.has_expectation:
        return np.nan
    wanted = world.expectation()
    first = len(wanted) * 2 // 3
    square, count = 0.0, 0
    for plot in plots:
        at = _bucket(plot, world.span)
        if at >= first:
            truth = wanted[at, KEYS.index(str(plot["partition_field_value"]))]
            square += (float(str(plot["model_median"])) - truth) ** 2
            count += 1
    return float(np.sqrt(square / max(count, 1)))


def judge(name: str) -> Verdict:
    """Runs the clean and the spiked form of a world, by name."""
    return judge_crowd(CROWDS[name]) if name in CROWDS else judge_world(WORLDS[name])


def judge_world(world: World) -> Verdict:
    """Runs the clean and the spiked form of a world of series."""
    spiked, at = world.spiked()
    is_one_run = world.clean_days == world.spiked_days
    clean = spiked if is_one_run else world.clean()
    results = run_world(world, clean, plotted=world.has_expectation)
    counted = _counted(world, at if is_one_run else len(clean))
    months = counted.sum() * world.span / MONTH_S * SEEDS
    serious, shown = (_table(results.records, least, clean.shape, world.span) for least in (SERIOUS, SHOWN))
    records = results.records if is_one_run else run_world(world, spiked).records
    return Verdict(
        world.name,
        world.span,
        float(serious[: len(counted)][counted].sum() / months),
        float(shown[: len(counted)][counted].sum() / months),
        _found(records, at, world.span),
        not world.only_high,
        _unrest(world, shown),
        _misfit(world, results.model_plots),
    )


def judge_crowd(crowd: Crowd) -> Verdict:
    """Runs the clean and the spiked form of a crowd."""
    detector = crowd.detector | {"partition_field_name": "key"}
    clean, _ = crowd.batch(crowd.clean_days, 0, is_spiked=False)
    spiked, at = crowd.batch(crowd.spiked_days, 1, is_spiked=True)
    scores = np.array([_score(record) for record in jobs.run(detector, clean, crowd.span).records])
    months = crowd.clean_days * DAY / MONTH_S * SEEDS
    return Verdict(
        crowd.name,
        crowd.span,
        float((scores >= SERIOUS).sum() / months),
        float((scores >= SHOWN).sum() / months),
        _found(jobs.run(detector, spiked, crowd.span).records, at, crowd.span),
        False,
        np.full(SEEDS, np.nan),
        np.nan,
    )


def _found(records: list[Document], at: int, span: int) -> Floats:
    """The highest record_score of each seed in one bucket."""
    scores = dict.fromkeys(KEYS, 0.0)
    for record in records:
        if _bucket(record, span) == at:
            key = str(record["partition_field_value"])
            scores[key] = max(scores[key], _score(record))
    return np.array(list(scores.values()))


def judge_all(names: Sequence[str], jobs: int | None = None) -> Iterator[Verdict]:
    """Verdicts in the order asked for, worked out on all cores."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(jobs or min(len(names), os.cpu_count() or 1)) as pool:
        yield from pool.map(judge, names)


HEADER = "\n".join(
    " | ".join(cells)
    for cells in (
        (
            f"{'world':{NAME_WIDTH}s}  span",
            "records a series-month",
            "misfit",
            "       planted anomaly        ",
            "hours to quiet",
        ),
        (
            f"{'':{NAME_WIDTH}s}      ",
            "     >=75        >=25 ",
            " sigma",
            "found  up/down   worst  median",
            "worst  median",
        ),
    )
)


def line(verdict: Verdict) -> str:
    """One row below HEADER; `!` marks what misses its goal."""

    def mark(is_good: bool) -> str:
        return " " if is_good else "!"

    spikes, unrest = verdict.spikes, verdict.unrest_h
    quiet = ""
    if not np.isnan(unrest).all():
        quiet = f"{unrest.max():5.0f}{mark(verdict.is_flexible)} {np.median(unrest):6.0f}"
    misfit = "" if np.isnan(verdict.misfit) else f"{verdict.misfit:.2f}"
    minutes = verdict.span // 60
    span = f"{minutes}m" if minutes < 60 else f"{minutes // 60}h"
    sides = "/".join(f"{np.mean(part >= SERIOUS):.0%}" for part in (spikes[::2], spikes[1::2]))
    found = f"{np.mean(spikes >= SERIOUS):4.0%} {sides if verdict.has_dips else '':>9s}"
    found = f"{found} {spikes.min():6.1f}{mark(verdict.is_prompt)} {np.median(spikes):6.1f}"
    false = f"{verdict.serious:9.2f}{mark(verdict.is_quiet)} {verdict.shown:11.2f}"
    return f"{verdict.name:{NAME_WIDTH}s} {span:>5s} | {false} | {misfit:>6s} |  {found} | {quiet}".rstrip()


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many worlds reach each goal."""
    changing = [v for v in verdicts if not np.isnan(v.unrest_h).all()]
    found = float(np.mean([np.mean(v.spikes >= SERIOUS) for v in verdicts]))
    return (
        f"of {len(verdicts)}: {sum(v.is_quiet for v in verdicts)} quiet, {sum(v.is_prompt for v in verdicts)} find"
        f" every spike ({found:.0%} of all), {sum(v.is_flexible for v in changing)} of {len(changing)} settle in time"
    )
