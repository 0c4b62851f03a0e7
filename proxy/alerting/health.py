"""Rules about the health of jobs: looked at by the clock, one alert for each check that finds something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.alerting.alert_document import health_alert
from proxy.alerting.context import delivery_of
from proxy.alerting.episodes import Episode, Message, advance
from proxy.alerting.evaluator import Judged
from proxy.alerting.health_checks import JobHealth, delayed_window_ms, findings, message_of
from proxy.alerting.kql import anything
from proxy.alerting.links import Links
from proxy.alerting.matching import BucketResults, Match
from proxy.alerting.progress_form import Progress
from proxy.alerting.rule import AnomalyParams, Rule
from proxy.alerting.runs import Runs
from proxy.errors import MlError
from proxy.job_config.wildcards import Wildcard
from proxy.runtime.supervisor import Supervisor
from proxy.store import Store, StoredJob
from proxy.store.alerting.alerts import AlertDocument
from proxy.store.alerting.messages import Delivery
from proxy.units import parse_duration_ms

# What stands in the place of a job where progress is kept.
ALL_JOBS = "_health"
# Episodes of checks live as those of anomalies do; nothing else of this is looked at.
_PARAMS = AnomalyParams((), (), 0, "bucket", False, anything, "job", 0, 1)


class Health:
    def __init__(self, store: Store, runtime: Supervisor, links: Links, clock: Callable[[], int]) -> None:
        self._store = store
        self._runtime = runtime
        self._links = links
        self._clock = clock
        self._checked: dict[str, int] = {}

    async def check_if_due(self, rule: Rule, runs: Runs) -> bool:
        """Whether the rule was checked and there is something to be told."""
        now_ms = self._clock()
        last_ms = self._checked.get(rule.rule_id)
        if last_ms is not None and now_ms - last_ms < rule.interval_ms:
            return False
        self._checked[rule.rule_id] = now_ms
        try:
            judged = await self._check(rule, last_ms, now_ms)
        except MlError as error:
            await runs.failed(rule, error.reason)
            return False
        await runs.judged(rule, ALL_JOBS, judged)
        return bool(judged.new or judged.recovered)

    async def _check(self, rule: Rule, last_ms: int | None, now_ms: int) -> Judged:
        params = rule.stored["params"]
        found = findings(params, await self._gather(params, last_ms, now_ms), now_ms)
        former = await self._store.alert_progress.find(rule.rule_id, ALL_JOBS)
        progress = Progress.stored(former.state)
        matches = [Match(check, 0, 0, len(results), results, ()) for check, results in found.items()]
        seen = BucketResults(ALL_JOBS, now_ms, 0, False, {}, (), ())
        step = advance(rule, _PARAMS, seen, matches, progress.open)
        version = max(progress.version + 1, now_ms)
        await self._store.alerts.write([_document(rule, version, episode, now_ms) for episode in step.changed])
        await self._store.deliveries.add([_delivery(rule, message, self._links, now_ms) for message in step.messages])
        await self._store.alert_progress.move(former, Progress(now_ms, version, 0, step.open).form())
        new = sum(message.transition == "active" for message in step.messages)
        return Judged(1, len(step.open), new, sum(each.status == "recovered" for each in step.changed), 0)

    async def _gather(self, params: Mapping[str, Any], last_ms: int | None, now_ms: int) -> list[JobHealth]:
        jobs = [job for job in await self._store.jobs.resolve(None) if is_included(params, job)]
        if not jobs:
            return []
        ids = [job.job_id for job in jobs]
        datafeeds = {each.job_id: each for each in await self._store.datafeeds.resolve(None, True)}
        sizes = (await self._store.job_stats.read(jobs)).model_sizes
        errors: Mapping[str, Sequence[Mapping[str, Any]]] = {}
        if last_ms is not None:
            errors = await self._store.health_facts.errors(ids, last_ms, now_ms)
        gathered = [self._health(job, datafeeds.get(job.job_id), sizes.get(job.job_id), errors) for job in jobs]
        window_ms = max(delayed_window_ms(params, each) for each in gathered)
        delayed = await self._store.health_facts.delayed_data(ids, now_ms - window_ms)
        return [replace(each, delayed_data=delayed.get(each.job_id)) for each in gathered]

    def _health(
        self,
        job: StoredJob,
        datafeed: Any,
        size: Mapping[str, Any] | None,
        errors: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> JobHealth:
        status = self._runtime.status(job.job_id)
        span_ms = parse_duration_ms(job.config["analysis_config"]["bucket_span"], "bucket_span")
        delay = datafeed.config.get("query_delay") if datafeed is not None else None
        return JobHealth(
            job_id=job.job_id,
            state=self._runtime.shown(job.job_id),
            span_ms=span_ms,
            datafeed_id=datafeed.datafeed_id if datafeed is not None else None,
            datafeed_state=self._runtime.datafeeds.state(datafeed.datafeed_id) if datafeed is not None else "stopped",
            query_delay_ms=parse_duration_ms(delay, "query_delay") if delay else 0,
            model_size=status.model_size if status is not None else size,
            errors=errors.get(job.job_id, ()),
        )


def is_included(params: Mapping[str, Any], job: StoredJob) -> bool:
    """Whether a job is among those that a rule includes and not among those that it excludes."""
    return _names(params.get("includeJobs") or {"jobIds": ["*"]}, job) and not _names(params.get("excludeJobs"), job)


def _names(selection: Mapping[str, Any] | None, job: StoredJob) -> bool:
    if selection is None:
        return False
    groups = set(job.config.get("groups") or ())
    by_id = any(Wildcard.of(each).matches(job.job_id) for each in selection.get("jobIds") or ())
    return by_id or bool(groups & set(selection.get("groupIds") or ()))


def _message(episode: Episode) -> str:
    return message_of(episode.group, episode.records, recovered=episode.status == "recovered")


def _document(rule: Rule, version: int, episode: Episode, now_ms: int) -> AlertDocument:
    return AlertDocument(episode.uuid, version, health_alert(rule, episode, reason=_message(episode), now_ms=now_ms))


def _delivery(rule: Rule, message: Message, links: Links, now_ms: int) -> Delivery:
    episode, text = message.episode, _message(message.episode)
    alert = {
        "alertname": rule.name,
        "labels": {"alertname": rule.name, "rule_id": rule.rule_id, "check": episode.group, "severity": "warning"},
        "annotations": {"summary": text},
        "starts_at_ms": episode.start_ms,
        "ends_at_ms": episode.end_ms if message.transition == "recovered" else None,
        "generator_url": links.rule(rule.rule_id),
        "bucket_span_s": rule.interval_ms // 1000,
        "severity": "warning",
    }
    context = {"message": text, "results": [dict(each) for each in episode.records]}
    return delivery_of(rule, message, links, context=context, alert=alert, now_ms=now_ms)
