"""The benchmark's adapter takes any series and never looks ahead; its worlds and its peer keep their word."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from bench import baselines, engine_cases, engine_worlds, event_score, forecasts, nab, nab_score, peer, series
from bench.crowds import CROWDS
from bench.labels import label, read_labels, read_scores, when
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
    nab.run(tmp_path / "in", nab.find(tmp_path / "in"), tmp_path / "out", 1)
    with (tmp_path / "out/some/where.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [r["timestamp"] for r in found] == [r[0] for r in rows]
    scores = np.array([float(r["anomaly_score"]) for r in found])
    assert ((scores >= 0) & (scores <= 1)).all()
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
        [(t, i % 7) for i, t in enumerate(stamps(60) + stamps(60, 7200))],
    ],
    ids=["none", "one", "same time", "gaps", "not numbers", "backwards", "irregular"],
)
def test_hostile_series_are_scored_row_by_row(tmp_path, rows):
    assert len(scored(tmp_path, rows)) == len(rows)


def test_a_row_is_scored_before_later_rows_are_seen():
    values = np.random.default_rng(2).normal(0, 1, 700)
    values[300] = 20
    times = np.arange(700) * 300
    whole, half = series.score(times, values), series.score(times[:350], values[:350])
    assert np.array_equal(whole.record[:350], half.record) and half.record[300] > 50


def test_a_row_has_the_scores_that_its_job_wrote_first():
    """The values are those of the record and of the bucket; of two rows in a bucket the last one has them."""
    values = 50 + np.random.default_rng(1).normal(0, 1, 1000)
    values[900:902] = 90
    times = np.append(np.arange(900) * 300, 270_000 + 150 * np.arange(100))
    found = series.score(times, values)
    results = engine_worlds.jobs.run(
        series.DETECTOR, engine_worlds.Batch(times, {}, {"value": values}), series.row_interval(times)
    )
    record = next(r for r in results.records if r["timestamp"] == 270_000_000)
    bucket = next(b for b in results.buckets if b["timestamp"] == 270_000_000)
    assert (found.record[900], found.record[901]) == (0, record["initial_record_score"])
    assert found.bucket[901] == bucket["initial_anomaly_score"] > 90
    assert found.typical[901] == pytest.approx(50, abs=1)


def test_an_echo_is_a_value_like_its_neighbours_where_only_the_expectation_jumped():
    values, typical = np.full(40, 10.0), np.full(40, np.nan)
    values[8] = 30.0
    values[20:] = 50.0
    typical[[5, 8, 30]] = 30.0, 10.0, 51.0
    assert np.flatnonzero(series.is_echo(values, typical)).tolist() == [5, 30]
    values[30] = 49.0
    assert not series.is_echo(values, typical)[30]


def test_a_value_that_moved_from_where_it_was_did_not_stay_there():
    values, typical = np.linspace(10.0, 49.0, 40), np.full(40, np.nan)
    typical[20] = 25.0
    assert series.is_echo(values, typical)[20]
    assert not series.is_echo(values, typical, after=0)[20]


def labelled_series(first=200, last=240):
    return label(np.array([when(t) for t in stamps(400)]), [[stamps(400)[first], stamps(400)[last]]])


def test_the_scorer_gives_a_perfect_detection_nearly_all_points():
    scores = np.zeros(400)
    scores[200] = 1.0
    rows = nab_score.rows_of(labelled_series(), scores)
    assert nab_score.best([rows], "standard")[0] == pytest.approx(100, abs=0.1)


def test_a_missed_window_a_late_detection_and_a_false_alarm_cost_what_they_cost():
    """20 of 41 rows left: 2 / (1 + e^(-5 * 20 / 41)) - 1 = 0.8396, of 0.9866 at the start; far behind costs 0.11."""
    scores = np.zeros(400)
    scores[221] = 0.5
    late = nab_score.best([nab_score.rows_of(labelled_series(), scores)], "standard")[0]
    assert late == pytest.approx(50 + 50 * 0.8396 / 0.9866, abs=0.01)
    scores[390] = 0.7
    rows = [nab_score.rows_of(labelled_series(), scores)]
    assert nab_score.best(rows, "standard")[0] == pytest.approx(late - 5.5, abs=0.01)
    assert nab_score.best(rows, "low_FP")[0] == pytest.approx(late - 11, abs=0.01)
    assert nab_score.best(rows, "standard", 0.6)[0] == pytest.approx(-5.5, abs=0.01)
    assert nab_score.false_rows(labelled_series(), scores, 0.5).tolist() == [390]


def test_the_scorer_counts_windows_and_false_alarms_by_series(tmp_path):
    times = stamps(400)
    scores = [0.0] * 400
    scores[200] = scores[300] = 1.0
    (tmp_path / "windows.json").write_text(json.dumps({"a/x.csv": [[times[200], times[240]]], "b/y.csv": []}))
    for name, found in (("a/x.csv", scores), ("b/y.csv", [0.0] * 400)):
        write(tmp_path / name, zip(times, found, strict=True), ("timestamp", "anomaly_score"))
    known = read_labels(tmp_path)
    report = nab_score.report(known, read_scores(tmp_path, known))
    assert [(p.name, p.found, p.windows, p.false_alarms) for p in report.directories] == [
        ("a", 1, 1, 1),
        ("b", 0, 0, 0),
    ]
    assert report.profiles["standard"] == pytest.approx(94.5, abs=0.1)
    assert report.profiles["low_FP"] < report.profiles["standard"] < report.profiles["low_FN"]


def test_false_rows_within_an_hour_of_a_louder_one_are_one_false_event():
    scores = np.zeros(400)
    scores[[30, 100, 110, 112, 125, 205, 300]] = 0.9, 0.3, 0.5, 0.2, 0.1, 0.4, 0.6
    events = event_score.events_of(labelled_series(), scores)
    # Row 30 is within the probation; 100 and 112 lie within 12 rows of 110, and 125 does not.
    assert (events.windows.tolist(), events.false.tolist()) == ([0.4], [0.6, 0.5, 0.1])


def test_events_are_counted_at_one_threshold():
    def series_of(windows, false):
        return event_score.Events(np.array(windows), np.array(false), 1.0)

    events = [series_of([0.9, 0.2], [0.5]), series_of([0.6], [0.8, 0.1])]
    # At 0.2 all three windows and two false events: 2 * 3 / (3 + 2 + 3); at 0.6 two windows and one.
    assert event_score.best(events) == (pytest.approx(6 / 8), 0.2)
    assert event_score.f1_at(events, 0.6) == pytest.approx(4 / 6)
    assert event_score.f1_at(events, 0.95) == 0


def test_baselines_score_the_row_that_leaves_what_was_before():
    rng = np.random.default_rng(4)
    values = 10 * np.sin(np.arange(2000) / 288 * 2 * np.pi) + rng.normal(0, 1, 2000)
    values[1500] += 40
    for baseline in baselines.BASELINES.values():
        assert int(np.argmax(baseline(values, 300)[:1700])) == 1500
        assert np.array_equal(baseline(values, 300)[:1600], baseline(values[:1600], 300))


def test_the_incident_of_the_plain_cases_is_the_same_at_every_span():
    for span in (300, 3600):
        values, spans = engine_cases.incident(span)
        assert [values[s].mean() < values[s.stop : s.stop + s.stop - s.start].mean() - 20 for s in spans] == [
            True,
            True,
        ]
        assert (spans[1].start - spans[0].start) * span == engine_cases.SECOND_AFTER_S


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


def test_a_forecast_is_measured_against_last_weeks_values():
    """Weeks alike, but for a 1 more or less."""
    rng = np.random.default_rng(12)
    values = np.tile(np.array([[10.0], [20], [30], [40], [50], [60], [70]]), (12, 2)) + rng.choice([-1.0, 1.0], (84, 2))
    kind = forecasts.Set("made", values, 86_400, 7, (70,), 7)
    quality = forecasts.measure(kind)
    came, before, known = values[70:77], values[63:70], values[:70]
    scale = np.abs(known[7:] - known[:-7]).mean(axis=0)
    assert quality.naive_mase == pytest.approx(np.mean(np.abs(came - before).mean(axis=0) / scale))
    assert quality.naive_smape == pytest.approx(np.mean(200 * np.abs(came - before) / (came + before)))
    assert quality.mase < 1.2 and quality.coverage > 0.7
