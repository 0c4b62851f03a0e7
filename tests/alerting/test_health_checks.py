from __future__ import annotations

import pytest

from proxy.alerting.health_checks import (
    DELAYED,
    ERRORS,
    FAILED,
    MEMORY,
    NOT_STARTED,
    JobHealth,
    default_lookback_ms,
    delayed_window_ms,
    findings,
    message_of,
)

NOW_MS, HOUR_MS = 1_700_000_000_000, 3_600_000


def job(job_id: str = "a", **given):
    return JobHealth(job_id, given.pop("state", "opened"), given.pop("span_ms", 900_000), **given)


def delayed(missed: int, age_ms: int):
    text = f"Datafeed has missed {missed} documents due to ingest latency, latest bucket with missing data is [x]."
    return {"annotation": text, "end_timestamp": NOW_MS - age_ms}


def found(*jobs, **tests_config):
    return {check: [each["job_id"] for each in results]
            for check, results in findings({"testsConfig": tests_config}, jobs, NOW_MS).items()}  # fmt: skip


def test_a_job_that_is_well_is_not_told_of():
    well = job(datafeed_id="d", datafeed_state="started", model_size={"memory_status": "ok"})
    assert found(well, job("no-datafeed"), job("closed", state="closed", datafeed_id="d2")) == {}


def test_each_check_finds_what_it_is_about():
    assert found(
        job("still", datafeed_id="d"),
        job("full", model_size={"memory_status": "hard_limit", "model_bytes": 7}),
        job("warned", model_size={"memory_status": "soft_limit"}),
        job("late", delayed_data=delayed(5, 60_000)),
        job("told", errors=[{"message": "no"}]),
        job("dead", state="failed", datafeed_id="d", model_size={"memory_status": "hard_limit"}),
    ) == {NOT_STARTED: ["still"], MEMORY: ["full", "warned"], DELAYED: ["late"], ERRORS: ["told"], FAILED: ["dead"]}


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (NOT_STARTED, "datafeed"),
        (MEMORY, "mml"),
        (ERRORS, "errorMessages"),
        (FAILED, "failedJobs"),
        (DELAYED, "delayedData"),
    ],
)
def test_a_check_can_be_left_out(check, name):
    ill = (
        job("a", datafeed_id="d", model_size={"memory_status": "hard_limit"}, errors=[{}], delayed_data=delayed(1, 0)),
        job("b", state="failed"),
    )
    assert set(found(*ill)) - set(found(*ill, **{name: {"enabled": False}})) == {check}
    assert found(*ill, **{name: None}) == found(*ill)


def test_delayed_data_count_from_as_many_documents_and_as_lately_as_the_rule_says():
    late = job(delayed_data=delayed(5, 40 * 60_000), query_delay_ms=60_000)
    # Two spans of 15 minutes, a minute and a second: 32 minutes.
    assert default_lookback_ms(900_000, 60_000) == 32 * 60_000
    assert default_lookback_ms(1000, 0) == 3 * 60_000
    assert found(late) == {}
    longer = {"delayedData": {"enabled": True, "docsCount": 5, "timeInterval": "1h"}}
    assert delayed_window_ms({"testsConfig": longer}, late) == HOUR_MS
    assert found(late, **longer) == {DELAYED: ["a"]}
    assert found(late, delayedData={"enabled": True, "docsCount": 6, "timeInterval": "1h"}) == {}


def test_a_message_names_the_jobs():
    results = findings({}, [job("a", datafeed_id="d"), job("b", datafeed_id="e")], NOW_MS)[NOT_STARTED]
    assert results[0] == {"datafeed_id": "d", "datafeed_state": "stopped", "job_id": "a", "job_state": "opened"}
    assert message_of(NOT_STARTED, results, recovered=False) == "Datafeed is not started: a, b."
    assert message_of(NOT_STARTED, results, recovered=True) == "Datafeed is not started: no job is concerned any more."
