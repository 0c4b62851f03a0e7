"""The life of alerts, bucket by bucket: pure, so that whoever does it again comes to the same.

An alert is an episode of one group of one job: pending until it has matched often enough, active while it matches,
recovered after enough final buckets without a match. Its id and the numbers of its messages follow from the buckets
alone, which makes doing it twice harmless.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from proxy.alerting.matching import BucketResults, Match
from proxy.alerting.rule import MATCHED, RECOVERED, Action, AnomalyParams, Rule

Status = Literal["pending", "active", "recovered", "untracked"]
SCORES_KEPT = 20
MOMENTS_KEPT = 1000
# As many as Kibana's rules report in one run.
ACTIVE_MAX = 1000
_NAMESPACE = uuid.UUID("6f0d6a3e-0b5c-4d0e-8f39-5a4f9a0d2a11")


@dataclass(frozen=True, slots=True)
class Episode:
    """Times in epoch milliseconds.

    sequence: counts the messages.
    first_score: the initial score that it began with; score and initial_score are those of its last match.
    told: when each action sent its last message.
    """

    uuid: str
    group: str
    job_id: str
    start_ms: int
    end_ms: int
    status: Status = "pending"
    matches: int = 0
    misses: int = 0
    sequence: int = 0
    is_provisional: bool = False
    score: float = 0.0
    initial_score: float = 0.0
    first_score: float = 0.0
    total: int = 0
    scores: tuple[float, ...] = ()
    moments: tuple[int, ...] = ()
    span_ms: int = 0
    records: Sequence[Mapping[str, Any]] = ()
    influencers: Sequence[Mapping[str, Any]] = ()
    told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """That an action is to tell of an episode, as it is at that moment."""

    episode: Episode
    action: Action
    transition: Literal["active", "recovered"]

    @property
    def delivery_id(self) -> str:
        return f"{self.episode.uuid}:{self.episode.sequence}:{self.action.action_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """What a bucket changes: the episodes that go on, those whose documents change, and what is to be told."""

    open: Mapping[str, Episode]
    changed: Sequence[Episode]
    messages: Sequence[Message]


def episode_id(rule_id: str, group: str, start_ms: int, generation: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{rule_id}\n{group}\n{start_ms}\n{generation}"))


def advance(
    rule: Rule,
    params: AnomalyParams,
    results: BucketResults,
    matches: Sequence[Match],
    open: Mapping[str, Episode],
    *,
    generation: int = 0,
) -> Step:
    """One bucket of one job further; of a job that was emptied, in another generation than before.

    An interim bucket begins provisional alerts at most; the final bucket at the same time confirms or withdraws them.
    """
    after: dict[str, Episode] = {}
    changed: list[Episode] = []
    messages: list[Message] = []
    for match in matches:
        before = open.get(match.group)
        if before is None and len(after) >= ACTIVE_MAX:
            continue
        episode = _matched(results, match, before or _begun(rule, results, match.group, generation), rule.delay)
        if episode.status == "active":
            episode, told = _tell(rule, episode, became=before is None or before.status != "active")
            messages += told
            changed.append(episode)
        after[match.group] = episode
    for group, before in open.items():
        if group in after:
            continue
        if results.is_interim:
            after[group] = before
            continue
        episode = _missed(results, before, params)
        if episode.status == "recovered":
            episode, told = _told(rule, episode, RECOVERED, "recovered", lambda _: True)
            messages += told
            changed.append(episode)
        elif episode.status == "active":
            after[group] = episode
            changed.append(episode)
    return Step(after, changed, messages)


def _begun(rule: Rule, results: BucketResults, group: str, generation: int) -> Episode:
    start_ms = results.timestamp_ms
    begun = episode_id(rule.rule_id, group, start_ms, generation)
    return Episode(begun, group, results.job_id, start_ms, results.end_ms)


def _matched(results: BucketResults, match: Match, before: Episode, delay: int) -> Episode:
    is_again = bool(before.moments) and before.moments[-1] == results.timestamp_ms  # first interim, now final
    matches = before.matches + (not is_again)
    kept = slice(0, -1) if is_again else slice(0, None)
    return replace(
        before,
        status="active" if before.status == "active" or matches >= delay else "pending",
        matches=matches,
        misses=0,
        end_ms=results.end_ms,
        is_provisional=results.is_interim and (before.is_provisional or not before.moments),
        score=match.score,
        initial_score=match.initial_score,
        first_score=before.first_score if before.matches > is_again else match.initial_score,
        total=match.total,
        scores=(*before.scores[kept], match.score)[-SCORES_KEPT:],
        moments=(*before.moments[kept], results.timestamp_ms)[-MOMENTS_KEPT:],
        span_ms=results.span_ms,
        records=match.records,
        influencers=match.influencers,
    )


def _missed(results: BucketResults, before: Episode, params: AnomalyParams) -> Episode:
    """An episode without a match in a final bucket; what only an interim bucket had begun is withdrawn at once."""
    misses = before.misses + 1
    ended = replace(before, misses=misses, end_ms=results.end_ms)
    if before.status == "pending":
        return replace(ended, status="untracked")
    if misses >= params.recover_after or before.is_provisional:
        return replace(ended, status="recovered")
    return ended


def _tell(rule: Rule, episode: Episode, *, became: bool) -> tuple[Episode, list[Message]]:
    """The messages about an alert that has matched, by how often each action wants to speak."""

    def is_due(action: Action) -> bool:
        if became or action.notify == "onActiveAlert":
            return True
        if action.notify == "onActionGroupChange":
            return False
        return episode.end_ms - episode.told.get(action.action_id, episode.start_ms) >= action.throttle_ms

    return _told(rule, episode, MATCHED[rule.type_id], "active", is_due)


def _told(
    rule: Rule,
    episode: Episode,
    group: str,
    transition: Literal["active", "recovered"],
    is_due: Callable[[Action], bool],
) -> tuple[Episode, list[Message]]:
    due = [action for action in rule.actions if action.group == group and is_due(action)]
    is_change = (not episode.told and transition == "active") or transition == "recovered"
    if not due and not is_change:
        return episode, []
    told = {**episode.told, **{action.action_id: episode.end_ms for action in due}}
    episode = replace(episode, sequence=episode.sequence + 1, told=told)
    if rule.is_muted(episode.group):
        return episode, []
    return episode, [Message(episode, action, transition) for action in due]
