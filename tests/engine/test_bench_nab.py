"""The benchmark's adapter takes any series and never looks ahead."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from bench import nab, nab_score


def write(path, rows, header=("timestamp", "value")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def stamps(count, step=300):
    return [
        str(np.datetime64("2024-01-01T00:00:00") + np.timedelta64(step * i, "s")).replace("T", " ")
        for i in range(count)
    ]


def scored(tmp_path, rows):
    write(tmp_path / "in/some/where.csv", rows)
    assert nab.score_directory(tmp_path / "in", tmp_path / "out", 1)
    with (tmp_path / "out/some/where.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [r["timestamp"] for r in found] == [r[0] for r in rows]
    scores = np.array([float(r["anomaly_score"]) for r in found])
    assert ((scores >= 0) & (scores < 1)).all()
    return scores


def test_a_spike_scores_highest(tmp_path):
    values = 50 + np.random.default_rng(1).normal(0, 1, 1200)
    values[900] = 90
    assert int(np.argmax(scored(tmp_path, list(zip(stamps(1200), values, strict=True))))) == 900


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("2024-01-01 00:00:00", 1)],
        [("2024-01-01 00:00:00", 1)] * 300,
        [(t, "" if i % 3 else i) for i, t in enumerate(stamps(200))],
        [(t, ["nan", "inf", "-inf", "x", 1e308][i % 5]) for i, t in enumerate(stamps(200))],
        [(t, 7.0) for t in stamps(100)[::-1]],
        [(t, i % 7) for i, t in enumerate(stamps(60) + stamps(60, 86400 * 9))],
    ],
    ids=["none", "one", "same time", "gaps", "not numbers", "backwards", "irregular"],
)
def test_hostile_series_are_scored_row_by_row(tmp_path, rows):
    assert len(scored(tmp_path, rows)) == len(rows)


def test_a_row_is_scored_before_later_rows_are_seen():
    values = np.random.default_rng(2).normal(0, 1, 700)
    times = np.arange(700) * 300
    whole, half = nab.score(times, values), nab.score(times[:350], values[:350])
    assert np.array_equal(whole[:350], half)


def test_the_scorer_gives_a_perfect_detection_nearly_all_points():
    times = [nab_score._when(t) for t in stamps(400)]
    window = [[stamps(400)[200], stamps(400)[240]]]
    scores = [0.0] * 400
    scores[200] = 1.0
    rows = nab_score.rows_of("x", times, scores, window, 0.11)
    assert nab_score.best(rows, 1.0)[0] == pytest.approx(100, abs=0.1)
