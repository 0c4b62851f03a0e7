"""The life of alerts, and that doing any part of it again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from proxy.alerting.context import alertmanager_form
from proxy.alerting.episodes import advance
from proxy.alerting.matching import matches_of
from proxy.alerting.progress_form import Progress
from tests.alerting.rules import HOUR_MS, START_MS, action, bucket, record, rule

BOTH = [action(), action("recovered", "b")]


@dataclass
class Run:
    """A rule over buckets, with all that it has stored and told."""

    rule: object
    open: dict = field(default_factory=dict)
    stored: dict = field(default_factory=dict)
    told: list = field(default_factory=list)

    def see(self, *buckets):
        for results in buckets:
            matches = matches_of(self.rule.params, results)
            step = advance(self.rule, self.rule.params, results, matches, self.open)
            self.open = dict(step.open)
            self.stored |= {episode.uuid: episode for episode in step.changed}
            self.told += [(message.transition, message.delivery_id) for message in step.messages]
        return self

    def statuses(self):
        return sorted(episode.status for episode in self.stored.values())

    def transitions(self):
        return [transition for transition, _ in self.told]


def scores(*values):
    return [bucket(number, value) for number, value in enumerate(values)]


def test_an_alert_begins_goes_on_recovers_and_begins_anew():
    run = Run(rule(actions=BOTH)).see(*scores(0, 80, 90, 0, 0, 95))
    first, second = sorted(run.stored.values(), key=lambda episode: episode.start_ms)
    assert (first.status, first.matches, first.scores) == ("recovered", 2, (80, 90))
    assert (first.start_ms, first.end_ms) == (START_MS + HOUR_MS, START_MS + 4 * HOUR_MS)
    assert (second.status, second.scores) == ("active", (95,))
    assert run.transitions() == ["active", "recovered", "active"]
    assert len({delivery for _, delivery in run.told}) == 3


def test_labels_stay_while_scores_change():
    """An Alertmanager knows an alert by them: it would else never hear of the end of the one it was told of."""
    made = rule(50, actions=[action(notify_when="onActiveAlert"), action("recovered", "b")])
    told: list = []
    open = {}
    for results in scores(95, 60, 55, 0):
        step = advance(made, made.params, results, matches_of(made.params, results), open)
        open, told = step.open, told + list(step.messages)
    forms = [alertmanager_form(made, message, "") for message in told]
    assert [form["annotations"]["initial_score"] for form in forms] == ["95.00", "60.00", "55.00", "55.00"]
    assert [form["labels"] for form in forms] == [forms[0]["labels"]] * 4
    assert forms[0]["labels"]["severity"] == "critical"


def test_an_interim_bucket_says_no_more_of_the_beginning_than_its_final_one():
    made = rule(50, actions=BOTH, params={"includeInterim": True})
    run = Run(made).see(bucket(0, 95, interim=True), bucket(0, 60), bucket(1, 80))
    (episode,) = run.stored.values()
    assert episode.first_score == 60


def test_an_alert_is_pending_until_it_has_matched_often_enough():
    run = Run(rule(actions=BOTH, alert_delay={"active": 3}))
    run.see(*scores(80, 80, 0, 80, 80))
    assert (run.stored, run.told) == ({}, [])
    run.see(bucket(5, 80))
    assert run.statuses() == ["active"] and run.transitions() == ["active"]


def test_an_alert_recovers_after_as_many_quiet_buckets_as_the_rule_says():
    run = Run(rule(actions=BOTH, own={"recover_after": 3})).see(*scores(80, 0, 0, 80, 0, 0))
    assert run.statuses() == ["active"] and run.transitions() == ["active"]
    assert run.see(bucket(6, 0)).statuses() == ["recovered"]


def test_how_often_an_action_speaks_is_its_own():
    actions = [
        action(uuid="once", notify_when="onActionGroupChange"),
        action(uuid="always", notify_when="onActiveAlert"),
        action(uuid="throttled", notify_when="onThrottleInterval", throttle="3h"),
    ]
    run = Run(rule(actions=actions)).see(*scores(80, 80, 80, 80, 80))
    spoken = [delivery.rpartition(":")[2] for _, delivery in run.told]
    assert [spoken.count(name) for name in ("once", "always", "throttled")] == [1, 5, 2]
    assert len(set(run.told)) == len(run.told)


def test_nobody_is_told_of_what_is_muted():
    loud = rule(actions=BOTH)
    run = Run(replace(loud, muted=frozenset({"flights"}))).see(*scores(80, 80))
    assert run.statuses() == ["active"] and run.told == []
    run.rule = loud
    assert run.see(bucket(2, 90), bucket(3, 0)).transitions() == ["recovered"]
    assert Run(replace(loud, mute_all=True)).see(*scores(80, 0)).told == []


def test_an_interim_alert_is_provisional_until_the_bucket_is_final():
    interim = rule(actions=BOTH, params={"includeInterim": True})
    run = Run(interim).see(bucket(0, 80, interim=True))
    (episode,) = run.stored.values()
    assert (episode.status, episode.is_provisional) == ("active", True)
    run.see(bucket(0, 85, interim=True), bucket(0, 82))
    (episode,) = run.stored.values()
    assert (episode.status, episode.is_provisional, episode.matches, episode.scores) == ("active", False, 1, (82,))
    assert run.transitions() == ["active"]


def test_an_interim_alert_that_the_final_bucket_does_not_confirm_is_withdrawn():
    interim = rule(actions=BOTH, params={"includeInterim": True}, own={"recover_after": 5})
    run = Run(interim).see(bucket(0, 80, interim=True), bucket(0, 20))
    assert run.statuses() == ["recovered"] and run.transitions() == ["active", "recovered"]


def test_every_job_and_entity_over_the_threshold_has_an_alert():
    records = [record(80 + i, partition_field_name="host", partition_field_value=f"h{i}") for i in range(5)]
    run = Run(rule(actions=BOTH, own={"group_by": "entity"})).see(bucket(0, 90, *records))
    assert len(run.stored) == 5 and len(run.told) == 5


def test_progress_is_stored_and_read_back_whole():
    run = Run(rule(actions=BOTH)).see(*scores(80, 90))
    progress = Progress(START_MS, 7, 3, run.open)
    assert Progress.stored(progress.form()) == progress
    assert Progress.stored({}) == Progress()


SCORES = st.lists(st.sampled_from([0.0, 50.0, 75.0, 90.0]), min_size=1, max_size=30)


@given(SCORES, st.integers(1, 3), st.integers(1, 3), st.data())
def test_whoever_dies_at_any_moment_tells_the_same_with_the_same_keys(values, delay, recover_after, data):
    """Progress is stored last: what was done since is done again, and comes to the same alerts and messages."""
    made = rule(actions=BOTH, alert_delay={"active": delay}, own={"recover_after": recover_after})
    buckets = scores(*values)
    undisturbed = Run(made).see(*buckets)
    run, done = Run(made), 0
    while done < len(buckets):
        last = data.draw(st.integers(done + 1, len(buckets)))
        before = dict(run.open)
        run.see(*buckets[done:last])
        if data.draw(st.booleans()):  # it dies before its progress is stored
            run.open = before
            continue
        run.open = dict(Progress.stored(Progress(0, 0, 0, run.open).form()).open)
        done = last
    assert run.stored == undisturbed.stored
    assert set(run.told) == set(undisturbed.told)
    assert len(set(undisturbed.told)) == len(undisturbed.told)
