"""Rare values, odd hours and odd places are found, explained and blamed on who was there; habits stay quiet."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proxy.engine import JobEngine, JobSpec
from tests.engine.planted import (
    DAY,
    DAYS,
    HOUR,
    MALLORY,
    PLANTED,
    START,
    USERS,
    Rows,
    blamed,
    config,
    records_at,
    run,
    top_score,
)

NIGHT = PLANTED // DAY * DAY + 3 * HOUR
SYDNEY = "-33.870000000000,151.200000000000"
HOMES = dict(zip(USERS, [(51.5, -0.1), (48.9, 2.3), (40.7, -74.0), (35.7, 139.7)], strict=True))


def processes(days=DAYS):
    """Two hosts run five processes with different regularity."""
    random, rows = np.random.default_rng(1), Rows()
    for hour in range(days * 24):
        for host in ("sick", "well"):
            for process, chance in {"sshd": 0.98, "cron": 0.9, "nginx": 0.8, "java": 0.5, "bash": 0.2}.items():
                if random.random() < chance:
                    user = USERS[random.integers(0, 4)]
                    rows.add(START + hour * HOUR + random.integers(0, HOUR, 2), host=host, process=process, user=user)
    return rows


def applications(people=60, days=DAYS):
    """Office hours of sixty people who use four applications."""
    random, rows, names = np.random.default_rng(1), Rows(), ["mail", "web", "chat", "vpn"]
    for hour in range(days * 24):
        if not 8 <= hour % 24 < 18:
            continue
        count = int(random.integers(20, 50))
        users = [f"u{who:02d}" for who in random.integers(0, people, count)]
        chosen = [names[i] for i in random.choice(4, count, p=[0.5, 0.3, 0.15, 0.05])]
        rows.add(START + hour * HOUR + random.integers(0, HOUR, count), host="sick", user=users, app=chosen)
    return rows


def logins(days=DAYS, *, has_weekends=True):
    """Each user logs in some times between 9 and 17 o'clock."""
    random, rows = np.random.default_rng(1), Rows()
    for day in range(days):
        is_weekend = (START // DAY + day + 4) % 7 in (0, 6)
        for user in USERS:
            if has_weekends or not is_weekend:
                rows.add(START + day * DAY + 9 * HOUR + random.integers(0, 8 * HOUR, 3), host="sick", user=user)
    return rows


def travels(days=DAYS):
    """Each user is somewhere around home, two places an hour."""
    random, rows = np.random.default_rng(1), Rows()
    for hour in range(days * 24):
        for user in USERS:
            if 7 <= hour % 24 < 22 and random.random() < 0.5:
                near = np.array(HOMES[user]) + random.normal(0, 0.02, (2, 2))
                places = [f"{latitude:.4f},{longitude:.4f}" for latitude, longitude in near]
                rows.add(START + hour * HOUR + random.integers(0, HOUR, 2), host="sick", user=user, place=places)
    return rows


@cache
def rare_results(partition):
    rows = processes()
    rows.add(PLANTED + 60, host="sick", process="nc", user=MALLORY)
    detector = {"function": "rare", "by_field_name": "process"}
    return run(config(detector | ({"partition_field_name": partition} if partition else {})), rows)


@pytest.mark.parametrize("partition", [None, "host"])
def test_a_process_never_seen_is_rare(partition):
    (record,) = records_at(rare_results(partition), PLANTED, by_field_value="nc")
    assert record["record_score"] >= 60
    assert record["actual"] == [1.0]
    assert record["typical"] == [0.0]
    assert blamed(record, "user") == [MALLORY]
    assert record["anomaly_score_explanation"]["by_field_first_occurrence"] is True


def test_a_process_never_seen_shows_before_its_hour_is_over_and_is_no_less_new_then():
    rows = processes()
    rows.add(PLANTED + 60, host="sick", process="nc", user=MALLORY)
    rows.drop(np.array(rows.time) >= PLANTED + 1800)
    engine = JobEngine(JobSpec.from_config(config({"function": "rare", "by_field_name": "process"})))
    engine.add(rows.batch())
    (interim,) = engine.flush(calc_interim=True).records
    assert interim["is_interim"]
    (final,) = engine.flush(advance_to=PLANTED + HOUR).records
    assert (final["by_field_value"], final["probability"]) == ("nc", interim["probability"])


@pytest.mark.parametrize("partition", [None, "host"])
def test_processes_that_come_and_go_are_not_rare(partition):
    assert top_score(rare_results(partition), outside=[PLANTED]) < 25


def test_a_process_seen_before_has_a_relative_rarity():
    rows = processes()
    rows.add(PLANTED - 5 * DAY, host="sick", process="nc", user="ann")
    rows.add(PLANTED, host="sick", process="nc", user=MALLORY)
    (record,) = records_at(run(config({"function": "rare", "by_field_name": "process"}), rows), PLANTED)
    explanation = record["anomaly_score_explanation"]
    assert "by_field_first_occurrence" not in explanation
    assert explanation["by_field_relative_rarity"] > 50


@cache
def population_results(function, events):
    rows = applications()
    rows.add(PLANTED + np.arange(events) * 10, host="sick", user=MALLORY, app="nmap")
    return run(config({"function": function, "by_field_name": "app", "over_field_name": "user"}), rows)


@pytest.mark.parametrize("function", ["rare", "freq_rare"])
def test_a_person_with_an_application_nobody_uses_stands_out(function):
    (record,) = records_at(population_results(function, 20), PLANTED, over_field_value=MALLORY)
    assert record["record_score"] >= 50
    assert blamed(record, "user") == [MALLORY]
    (cause,) = record["causes"]
    assert cause["by_field_value"] == "nmap"
    assert "actual" not in record


@pytest.mark.parametrize("function", ["rare", "freq_rare"])
def test_the_others_of_the_population_stay_quiet(function):
    assert top_score(population_results(function, 20), outside=[PLANTED]) < 25


def test_once_is_not_frequent():
    assert records_at(population_results("freq_rare", 1), PLANTED) == []


@pytest.mark.parametrize(
    ("split", "value"), [({}, {}), ({"by_field_name": "user"}, {"by_field_value": "ann"})], ids=["whole", "by user"]
)
def test_a_login_at_night_is_found(split, value):
    rows = logins()
    rows.add(NIGHT + 600, host="well", user="ann")
    results = run(config({"function": "time_of_day"} | split), rows)
    (record,) = records_at(results, NIGHT, **value)
    assert record["record_score"] >= 75
    assert record["actual"] == [3 * HOUR + 600.0]
    assert 9 * HOUR <= record["typical"][0] <= 17 * HOUR
    assert blamed(record, "user") == ["ann"]
    assert record["function_description"] == "time"
    assert top_score(results, outside=[NIGHT]) < 25


def test_a_login_at_night_is_found_among_people():
    rows = logins()
    rows.add(NIGHT + 600, host="well", user="ann")
    results = run(config({"function": "time_of_day", "over_field_name": "user"}), rows)
    (record,) = records_at(results, NIGHT, over_field_value="ann")
    assert record["record_score"] >= 75
    assert top_score(results, outside=[NIGHT]) < 25


def test_a_login_on_sunday_is_found_by_the_week_and_not_by_the_day():
    rows = logins(days=60, has_weekends=False)
    sunday = next(day for day in range(50, 60) if (START // DAY + day + 4) % 7 == 0)
    noon = START + sunday * DAY + 12 * HOUR
    rows.add(noon + 5, host="well", user="ann")
    (record,) = records_at(run(config({"function": "time_of_week"}), rows), noon)
    assert record["record_score"] >= 75
    assert record["actual"] == [12 * HOUR + 5.0]
    by_day = run(config({"function": "time_of_day"}), rows)
    assert records_at(by_day, noon) == []


@cache
def travel_results(split):
    rows = travels()
    rows.add(PLANTED + 30, host="well", user="ann", place="-33.87,151.2")
    return run(config({"function": "lat_long", "field_name": "place", split: "user"}), rows)


@pytest.mark.parametrize(
    ("split", "name"), [("by_field_name", "by_field_value"), ("over_field_name", "over_field_value")]
)
def test_a_journey_across_the_world_is_found(split, name):
    (record,) = records_at(travel_results(split), PLANTED, **{name: "ann"})
    assert record["record_score"] >= 75
    assert record["geo_results"]["actual_point"] == SYDNEY
    assert blamed(record, "host") == ["well"]
    assert blamed(record, "user") == ["ann"]


def test_the_typical_place_is_home():
    (record,) = records_at(travel_results("by_field_name"), PLANTED)
    assert np.allclose(record["typical"], HOMES["ann"], atol=0.1)
    assert record["actual"] == [-33.87, 151.2]


@pytest.mark.parametrize("split", ["by_field_name", "over_field_name"])
def test_wandering_around_home_is_not_critical(split):
    assert top_score(travel_results(split), outside=[PLANTED]) < 75


def test_names_of_values_long_gone_are_forgotten_and_the_others_stay_known():
    rows, hours = Rows(), 2400
    times = START + np.arange(hours) * HOUR
    rows.add(times + 1, process="sshd")
    rows.add(times + 2, process=[f"once{hour}" for hour in range(hours)])
    rows.add(times[-1] + 3, process="once0")
    engine = JobEngine(JobSpec.from_config(config({"function": "rare", "by_field_name": "process"})))
    results = engine.add(rows.batch())
    assert engine.model_size()["total_by_field_count"] < 1600
    results.extend(engine.flush(advance_to=int(times[-1]) + HOUR))
    assert max((r["record_score"] for r in results.records), default=0) < 25
