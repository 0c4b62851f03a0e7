"""What an edit makes of a rule, and what alerts say of themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.alerting.alert_document import anomaly_alert, health_alert
from proxy.alerting.episodes import advance
from proxy.alerting.health_checks import NOT_STARTED
from proxy.alerting.matching import matches_of
from proxy.alerting.rule import HEALTH, MATCHED, rule_of
from proxy.alerting.rule_form import changed_rule, edited_rule, new_rule
from tests.alerting.rules import CONNECTORS, START_MS, bucket, form, rule

LATER_MS = START_MS + 1000


def edited(former, **changes):
    body = {name: former[name] for name in ("name", "schedule", "params")}
    return edited_rule(former, body | changes, CONNECTORS, LATER_MS)


@pytest.mark.parametrize("type_id", MATCHED)
def test_an_action_without_a_group_is_for_alerts_also_after_an_edit(type_id):
    params = form()["params"] if type_id != HEALTH else {}
    body = form() | {"rule_type_id": type_id, "params": params, "actions": [{"id": "log"}]}
    former = new_rule(body, "r", CONNECTORS, START_MS)
    for stored in (former, edited(former, actions=[{"id": "log"}])):
        (action,) = rule_of(stored).actions
        assert action.group == MATCHED[type_id]


def test_jobs_are_selected_from_the_edit_on_that_selects_them():
    former = new_rule(form(), "r", CONNECTORS, START_MS)
    assert rule_of(former).selected_at_ms == START_MS
    severity = edited(former, params=former["params"] | {"severity": 10})
    assert rule_of(severity).selected_at_ms == START_MS
    others = edited(former, params=former["params"] | {"jobSelection": {"jobIds": ["others"]}})
    assert (rule_of(others).selected_at_ms, rule_of(others).enabled_at_ms) == (LATER_MS, START_MS)
    assert rule_of(changed_rule(others, {"enabled_at": LATER_MS + 1}, LATER_MS)).selected_at_ms == LATER_MS + 1


def test_an_alert_is_opened_once():
    made = rule(own={"recover_after": 3})
    open, actions = {}, []
    for number, score in enumerate([80, 0, 80, 0, 0, 0]):
        results = bucket(number, score)
        step = advance(made, made.params, results, matches_of(made.params, results), open)
        open = step.open
        actions += [anomaly_alert(made, each, reason="", url="", now_ms=0)["event.action"] for each in step.changed]
    assert actions == ["open", "active", "active", "active", "active", "close"]


def test_an_alert_about_health_that_is_untracked_keeps_what_was_found():
    made = rule_of(new_rule(form() | {"rule_type_id": HEALTH, "params": {}}, "r", CONNECTORS, START_MS))
    results = bucket(0, 80)
    (episode,) = advance(made, rule().params, results, matches_of(rule().params, results), {}).changed
    ended = replace(episode, group=NOT_STARTED, status="untracked", records=[{"job_id": "a"}])
    document = health_alert(made, ended, reason="", now_ms=0)
    assert document["kibana.alert.datafeed_results"] == [{"job_id": "a"}]
    assert "kibana.alert.job_id" not in document
