"""How often a rule speaks: hardly ever in a quiet year, and once for an outage, whatever its length."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.alerting.episodes import advance
from proxy.alerting.matching import BucketResults, matches_of
from proxy.engine import Batch, JobEngine
from proxy.job_config.engine_spec import spec_from
from tests.alerting.rules import action, rule

HOUR, DAYS, START = 3600, 365, 1_699_920_000 // 86_400 * 86_400
OUTAGE = (300 * 24 + 9, 300 * 24 + 15)
# A rule at 75 on one series may be wrong once in four months.
FALSE_MAX = 3


@pytest.fixture(scope="module")
def year() -> tuple[list[BucketResults], int]:
    """Hourly requests with a rhythm of day and week and usual noise; an outage of six hours after 300 days."""
    random = np.random.default_rng(20)
    hours = np.arange(DAYS * 24)
    rhythm = 1 + 0.5 * np.sin(2 * np.pi * (hours % 24 - 8) / 24) + 0.2 * (hours // 24 % 7 < 5)
    value = 1000 * rhythm + random.normal(0, 40, len(hours))
    value[OUTAGE[0] : OUTAGE[1]] = 20
    job = {
        "analysis_config": {"bucket_span": "1h", "detectors": [{"function": "mean", "field_name": "value"}]},
        "data_description": {"time_field": "time"},
    }
    engine = JobEngine(spec_from(job))
    results = engine.add(Batch((START + hours * HOUR).astype(np.int64), {}, {"value": value}))
    records: dict[int, list] = {}
    for record in results.records:
        named = {"job_id": "flights", "initial_record_score": record["record_score"], **record}
        records.setdefault(record["timestamp"], []).append(named)
    buckets = [
        BucketResults("flights", each["timestamp"], HOUR * 1000, False, each, records.get(each["timestamp"], ()), ())
        for each in results.buckets
    ]
    return buckets, (START + OUTAGE[0] * HOUR) * 1000


def told(buckets, **given) -> list[int]:
    """The beginnings of the alerts that somebody was told of."""
    made = rule(75, actions=[action()], **given)
    open, starts = {}, []
    for results in buckets:
        step = advance(made, made.params, results, matches_of(made.params, results), open)
        open = step.open
        starts += [message.episode.start_ms for message in step.messages]
    return starts


def test_a_quiet_year_is_quiet_and_an_outage_is_told_once(year):
    buckets, outage_ms = year
    starts = told(buckets)
    during = [start for start in starts if 0 <= start - outage_ms < 24 * HOUR * 1000]
    assert len(during) <= 2 and during[0] - outage_ms < 3 * HOUR * 1000
    assert len(starts) - len(during) <= FALSE_MAX


def test_an_outage_is_one_alert_where_a_rule_waits_for_its_end(year):
    buckets, outage_ms = year
    starts = told(buckets, own={"recover_after": 12})
    assert len([start for start in starts if 0 <= start - outage_ms < 24 * HOUR * 1000]) == 1
