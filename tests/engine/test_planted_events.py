"""Rare values, odd hours and odd places are found, explained and blamed on who was there; habits stay quiet."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proxy.engine import JobEngine
from proxy.job_config.engine_spec import spec_from
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
    bucket_at,
    config,
    influencers_at,
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
    engine = JobEngine(spec_from(config({"function": "rare", "by_field_name": "process"})))
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
def population_results(function, events, partition=None):
    rows = applications()
    rows.add(PLANTED + np.arange(events) * 10, host="sick", user=MALLORY, app="nmap")
    detector = {"function": function, "by_field_name": "app", "over_field_name": "user"}
    return run(config(detector | ({"partition_field_name": partition} if partition else {})), rows)


@pytest.mark.parametrize("partition", [None, "host"])
@pytest.mark.parametrize("function", ["rare", "freq_rare"])
def test_a_person_with_an_application_nobody_uses_stands_out(function, partition):
    results = population_results(function, 20, partition)
    (record,) = records_at(results, PLANTED, over_field_value=MALLORY)
    assert record["record_score"] >= 50
    assert blamed(record, "user") == [MALLORY]
    (cause,) = record["causes"]
    assert cause["by_field_value"] == "nmap"
    assert (cause["function"], cause["actual"], cause["typical"]) == (function, [20.0], [0.0])
    assert "actual" not in record
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(results, PLANTED)}
    assert scores[MALLORY] >= 50
    assert bucket_at(results, PLANTED)["anomaly_score"] >= 50


@pytest.mark.parametrize("function", ["rare", "freq_rare"])
def test_the_others_of_the_population_stay_quiet(function):
    assert top_score(population_results(function, 20), outside=[PLANTED]) < 25


def test_once_is_not_frequent():
    assert records_at(population_results("freq_rare", 1), PLANTED) == []


def test_who_does_it_often_among_many_other_things_is_frequent_too():
    rows = applications()
    rows.add(PLANTED + np.arange(60) * 10, host="sick", user="u07", app="mail")
    rows.add(PLANTED + np.arange(12) * 10, host="sick", user="u07", app="nmap")
    detector = {"function": "freq_rare", "by_field_name": "app", "over_field_name": "user"}
    (record,) = records_at(run(config(detector), rows), PLANTED, over_field_value="u07")
    assert record["record_score"] >= 25
    assert record["causes"][0]["by_field_value"] == "nmap"


def test_the_ordinary_things_of_a_person_do_not_hide_the_odd_one():
    """Each of a few hosts runs many processes; one of them is new."""
    random, rows = np.random.default_rng(3), Rows()
    names = [f"process{number}" for number in range(20)]
    for hour in range(DAYS * 24):
        for host in ("a", "b", "c", "d"):
            running = [name for name in names if random.random() < 0.8]
            rows.add(np.full(len(running), START + hour * HOUR), host=host, process=running)
    rows.add(PLANTED, host="c", process="miner")
    detector = {"function": "rare", "by_field_name": "process", "over_field_name": "host"}
    results = run(config(detector, influencers=["host", "process"]), rows)
    (record,) = records_at(results, PLANTED)
    assert record["record_score"] >= 50
    assert record["causes"][0]["by_field_value"] == "miner"
    assert blamed(record, "process") == ["miner"]
    assert top_score(results, outside=[PLANTED]) < 25


def test_first_buckets_are_no_time_for_rarities():
    rows = Rows()
    for hour in range(20):
        rows.add(START + hour * HOUR, host="sick", process=f"process{hour // 2}", user="ann")
    results = run(config({"function": "rare", "by_field_name": "process"}), rows)
    assert top_score(results) < 25


SPLITS = {
    "whole": ({}, {}),
    "by": ({"by_field_name": "user"}, {"by_field_value": "ann"}),
    "partition": ({"partition_field_name": "user"}, {"partition_field_value": "ann"}),
    "over": ({"over_field_name": "user"}, {"over_field_value": "ann"}),
}


@cache
def night_results(function, split):
    rows = logins(days=DAYS if function == "time_of_day" else 29)
    rows.add(night_of(function) + 600, host="well", user="ann")
    return run(config({"function": function} | SPLITS[split][0]), rows)


def night_of(function):
    """3 o'clock of the night a function has learnt enough for."""
    return NIGHT if function == "time_of_day" else NIGHT + 18 * DAY


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("function", ["time_of_day", "time_of_week"])
def test_a_login_at_night_is_found_explained_and_blamed(function, split):
    results, night = night_results(function, split), night_of(function)
    (record,) = records_at(results, night, **SPLITS[split][1])
    # Four weeks of one person's logins say less about one hour of the week.
    is_thin = function == "time_of_week" and split in ("by", "partition")
    assert record["record_score"] >= (25 if is_thin else 75)
    told = record["causes"][0] if split == "over" else record
    period = DAY if function == "time_of_day" else 7 * DAY
    since_sunday = (night + 600 + 4 * DAY) % period if period > DAY else 3 * HOUR + 600
    assert told["actual"] == [since_sunday]
    assert 9 * HOUR - 900 <= told["typical"][0] % DAY <= 17 * HOUR + 900
    assert told["function_description"] == "time"
    assert blamed(record, "user") == ["ann"]
    assert blamed(record, "host") == ["well"]
    if split != "over":
        explanation = record["anomaly_score_explanation"]
        assert (explanation["anomaly_type"], explanation["anomaly_length"]) == ("spike", 1)
        assert explanation["single_bucket_impact"] >= 2
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(results, night)}
    assert scores["ann"] >= (25 if is_thin else 75)
    assert "bob" not in scores


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("function", ["time_of_day", "time_of_week"])
def test_office_hours_are_quiet_from_the_first_day_on(function, split):
    assert top_score(night_results(function, split), outside=[night_of(function)]) < 25


@pytest.mark.parametrize(("function", "days"), [("time_of_day", 1), ("time_of_week", 7)])
def test_before_a_period_is_over_no_time_is_unusual(function, days):
    rows = logins(days=days)
    rows.add(START + (days - 1) * DAY + 3 * HOUR, host="well", user="ann")
    assert run(config({"function": function}), rows).records == []


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
    return run(config({"function": "lat_long", "field_name": "place"} | SPLITS[split][0]), rows)


@pytest.mark.parametrize("split", SPLITS)
def test_a_journey_across_the_world_is_found_explained_and_blamed(split):
    (record,) = records_at(travel_results(split), PLANTED, **SPLITS[split][1])
    assert record["record_score"] >= 75
    told = record["causes"][0] if split == "over" else record
    assert told["geo_results"]["actual_point"] == SYDNEY
    assert told["actual"] == [-33.87, 151.2]
    homes = HOMES.values() if split in ("whole", "over") else [HOMES["ann"]]
    assert any(np.allclose(told["typical"], home, atol=0.1) for home in homes)
    typical = [float(degrees) for degrees in told["geo_results"]["typical_point"].split(",")]
    assert np.allclose(typical, told["typical"], atol=1e-9)
    assert blamed(record, "host") == ["well"]
    assert blamed(record, "user") == ["ann"]
    if split != "over":
        assert record["anomaly_score_explanation"]["single_bucket_impact"] >= 4


@pytest.mark.parametrize("split", SPLITS)
def test_wandering_around_home_is_not_critical(split):
    assert top_score(travel_results(split), outside=[PLANTED]) < 75


def test_names_of_values_long_gone_are_forgotten_and_the_others_stay_known():
    rows, hours = Rows(), 2400
    times = START + np.arange(hours) * HOUR
    rows.add(times + 1, process="sshd")
    rows.add(times + 2, process=[f"once{hour}" for hour in range(hours)])
    rows.add(times[-1] + 3, process="once0")
    engine = JobEngine(spec_from(config({"function": "rare", "by_field_name": "process"})))
    results = engine.add(rows.batch())
    assert engine.model_size()["total_by_field_count"] < 1600
    results.extend(engine.flush(advance_to=int(times[-1]) + HOUR))
    assert max((r["record_score"] for r in results.records), default=0) < 25
