"""The benchmark's adapter takes any series and never looks ahead; its worlds and its peer keep their word."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from bench import engine_worlds, nab, nab_score, peer
from bench.crowds import CROWDS
from bench.worlds import HOUR, SEEDS, START, WORLDS


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
    assert list(nab.score_directory(tmp_path / "in", tmp_path / "out", 1))
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


def test_the_scorer_counts_windows_and_false_alarms_by_series(tmp_path):
    times = stamps(400)
    scores = [0.0] * 400
    scores[200] = scores[300] = 1.0
    (tmp_path / "windows.json").write_text(json.dumps({"a/x.csv": [[times[200], times[240]]], "b/y.csv": []}))
    for name, found in (("a/x.csv", scores), ("b/y.csv", [0.0] * 400)):
        write(tmp_path / name, zip(times, found, strict=True), ("timestamp", "anomaly_score"))
    report = nab_score.report(tmp_path, tmp_path)
    assert [(p.name, p.found, p.windows, p.false_alarms) for p in report.directories] == [
        ("a", 1, 1, 1),
        ("b", 0, 0, 0),
    ]
    assert report.profiles["standard"] == pytest.approx(94.5, abs=0.1)
    assert report.profiles["low_FP"] < report.profiles["standard"] < report.profiles["low_FN"]


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_is_the_same_each_time_and_its_spike_stands_out(name):
    world = WORLDS[name]
    values, at = world.spiked()
    assert values.shape[1] == SEEDS
    assert np.array_equal(values, world.spiked()[0], equal_nan=True)
    times, noise = world.times(world.spiked_days), world.noise(world.spiked_days, 1)

    def drawn(size):
        """What the bucket of the spike holds for a draw of this size."""
        noise[at] = size
        return world.make(times, noise)[at]

    up, down = drawn(8.0), drawn(-8.0)
    assert (np.isclose(values[at], up) | np.isclose(values[at], down)).all()
    assert (up - drawn(3.0)).min() > 3


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_is_the_same_each_time_and_something_odd_is_planted_in_every_series(name):
    (rows, at), (again, _) = (CROWDS[name].batch(15, 1, is_spiked=True) for _ in range(2))
    clean, _ = CROWDS[name].batch(15, 1, is_spiked=False)
    assert np.array_equal(rows.time, again.time) and np.array_equal(rows.numbers["value"], again.numbers["value"])

    def in_the_hour(batch):
        inside = (batch.time - START) // HOUR == at
        return np.bincount(batch.text["key"].codes[inside], minlength=SEEDS)

    planted = in_the_hour(rows) - in_the_hour(clean)
    assert (planted > 0).all() and planted.sum() == len(rows.time) - len(clean.time)


def test_a_quiet_world_is_judged_quiet_and_its_spikes_are_found():
    verdict = engine_worlds.judge("counts_low")
    assert verdict.serious <= 1
    assert verdict.spikes.mean() > 75
    assert "counts_low" in engine_worlds.line(verdict)


def test_hours_until_quiet_end_where_a_day_without_records_begins():
    world = WORLDS["level_shift"]
    shown = np.zeros((int(world.clean_days * 24), SEEDS), bool)
    shown[21 * 24 + 5, 0] = shown[21 * 24 + 20, 0] = shown[21 * 24 + 60, 0] = True
    unrest = engine_worlds._unrest(world, shown)
    assert (unrest[0], unrest[1:].max()) == (21, 0)


def test_without_java_the_peer_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(peer.PeerMissing, match="java is not installed"), peer.libraries():
        pass
