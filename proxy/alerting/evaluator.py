"""Judges rules on the finished buckets of jobs, and writes what follows: alerts, messages, and last how far it came.

Whoever is interrupted before the last step does all of it again, with the same ids: nothing is lost, and nothing is
told twice by anybody who looks at ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from proxy.alerting.alert_document import anomaly_alert, health_alert, untracked_reason
from proxy.alerting.context import alertmanager_form, context_of, delivery_of, reason_of
from proxy.alerting.episodes import Episode, Message, advance
from proxy.alerting.links import Links
from proxy.alerting.matching import BucketResults, Match, matches_of
from proxy.alerting.progress_form import Progress
from proxy.alerting.rule import AnomalyParams, Rule
from proxy.store import Store
from proxy.store.alerting.alerts import AlertDocument
from proxy.store.alerting.final_results import DETAILS, PAGE
from proxy.store.alerting.messages import Delivery
from proxy.store.alerting.progress import StoredProgress

Document = Mapping[str, Any]
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """What one look at a job has come to.

    lag_ms: from the end of the last bucket to now; None without one.
    is_last: whether there was nothing more to look at.
    """

    buckets: int = 0
    active: int = 0
    new: int = 0
    recovered: int = 0
    lag_ms: int | None = None
    is_last: bool = True


class Evaluator:
    def __init__(self, store: Store, clock: Callable[[], int], links: Links) -> None:
        self._store = store
        self._clock = clock
        self._links = links

    async def judge(self, rule: Rule, params: AnomalyParams, job_id: str) -> Judged:
        """Looks at everything that the job has finished since the last look.

        Raises:
            MlError: the cluster cannot be asked or does not take what follows; the next look does it again.
        """
        for _ in range(_TRIES):
            former = await self._store.alert_progress.find(rule.rule_id, job_id)
            progress = Progress.stored(former.state)
            # What was found before the rule was there, or selected the job, or while it was disabled, is no news.
            since_ms = rule.selected_at_ms if progress.bucket_ms is None else rule.enabled_at_ms
            buckets = await self._store.final_results.buckets(
                job_id, progress.bucket_ms, since_ms=since_ms, interim=params.include_interim
            )
            if not buckets:
                return Judged(active=_active(progress.open))
            judged, after = await self._judge_page(rule, params, job_id, buckets, progress)
            if after == progress or await self._store.alert_progress.move(former, after.form()):
                return judged
        return Judged()

    async def _judge_page(
        self, rule: Rule, params: AnomalyParams, job_id: str, buckets: Sequence[Document], progress: Progress
    ) -> tuple[Judged, Progress]:
        found = await self._results_of(params, job_id, buckets)
        now_ms = self._clock()
        open, version, bucket_ms = dict(progress.open), max(progress.version, now_ms), progress.bucket_ms
        changed: dict[str, tuple[int, Episode]] = {}
        messages: list[Message] = []
        for results in found:
            matches = matches_of(params, results)
            step = advance(rule, params, results, matches, open, generation=progress.generation)
            version, open = version + 1, dict(step.open)
            changed |= {episode.uuid: (version, episode) for episode in step.changed}
            messages += step.messages
            if not results.is_interim:
                bucket_ms = results.timestamp_ms
        await self._store.alerts.write([self._document(rule, *each, now_ms) for each in changed.values()])
        await self._store.deliveries.add([self._delivery(rule, message, now_ms) for message in messages])
        judged = Judged(
            buckets=len(found),
            active=_active(open),
            new=len(changed.keys() - {each.uuid for each in progress.open.values() if each.status == "active"}),
            recovered=sum(episode.status == "recovered" for _, episode in changed.values()),
            lag_ms=now_ms - found[-1].end_ms,
            is_last=len(found) == len(buckets) < PAGE,
        )
        is_same = bucket_ms == progress.bucket_ms and open == progress.open
        return judged, progress if is_same else replace(progress, bucket_ms=bucket_ms, version=version, open=open)

    async def _results_of(self, params: AnomalyParams, job_id: str, buckets: Sequence[Document]) -> list[BucketResults]:
        """The buckets with what was found in those that may be over the threshold.

        Fewer of them, from the first one on, where more was found in all of them than one search brings.
        """
        loud = [bucket for bucket in buckets if float(bucket["initial_anomaly_score"]) > 0]
        records: dict[int, list[Document]] = {}
        influencers: dict[int, list[Document]] = {}
        if loud:
            first, last = int(loud[0]["timestamp"]), int(loud[-1]["timestamp"])
            details = self._store.final_results.details
            found = [await details(job_id, kind, first, last) for kind in ("record", "influencer")]
            if max(map(len, found)) >= DETAILS and len(buckets) > 1:
                return await self._results_of(params, job_id, buckets[: len(buckets) // 2])
            records, influencers = map(_by_time, found)
        return [
            BucketResults(
                job_id=job_id,
                timestamp_ms=int(bucket["timestamp"]),
                span_ms=int(bucket["bucket_span"]) * 1000,
                is_interim=bool(bucket["is_interim"]),
                bucket=bucket,
                records=records.get(int(bucket["timestamp"]), ()),
                influencers=influencers.get(int(bucket["timestamp"]), ()),
            )
            for bucket in buckets
        ]

    async def preview(self, params: AnomalyParams, job_ids: Sequence[str], start_ms: int, end_ms: int) -> list[_Seen]:
        """What the rule would have found in what is stored, bucket by bucket: the matches of each."""
        seen: list[_Seen] = []
        for job_id in job_ids:
            next_ms = start_ms
            while buckets := await self._store.final_results.between(job_id, next_ms, end_ms):
                found = await self._results_of(params, job_id, buckets)
                seen += [(results, match) for results in found for match in matches_of(params, results)]
                next_ms = found[-1].timestamp_ms + 1
        return sorted(seen, key=lambda each: (each[0].timestamp_ms, each[0].job_id))

    async def untrack(self, rule: Rule, former: StoredProgress, bucket_ms: int | None, *, renews: bool) -> None:
        """Ends the alerts that go on, of which nothing more is to be expected; judging goes on after ``bucket_ms``.

        With ``renews`` what is found then is something else, even at the same time.
        """
        progress, now_ms = Progress.stored(former.state), self._clock()
        version = max(progress.version + 1, now_ms)
        ended = [replace(each, status="untracked") for each in progress.open.values() if each.status == "active"]
        await self._store.alerts.write([self._document(rule, version, episode, now_ms) for episode in ended])
        for episode in ended:
            await self._store.deliveries.cancel(now_ms, alert_id=episode.uuid)
        generation = version if renews else progress.generation
        await self._store.alert_progress.move(former, Progress(bucket_ms, version, generation).form())

    def _document(self, rule: Rule, version: int, episode: Episode, now_ms: int) -> AlertDocument:
        reason = untracked_reason(rule, episode) if episode.status == "untracked" else reason_of(rule, episode)
        if rule.params is None:
            return AlertDocument(episode.uuid, version, health_alert(rule, episode, reason=reason, now_ms=now_ms))
        url = self._links.explorer(episode)
        return AlertDocument(episode.uuid, version, anomaly_alert(rule, episode, reason=reason, url=url, now_ms=now_ms))

    def _delivery(self, rule: Rule, message: Message, now_ms: int) -> Delivery:
        url = self._links.explorer(message.episode)
        alert = alertmanager_form(rule, message, f"{self._links.base_url}{url}")
        context = context_of(rule, message.episode, url)
        return delivery_of(rule, message, self._links, context=context, alert=alert, now_ms=now_ms)


_Seen = tuple[BucketResults, Match]


def _active(open: Mapping[str, Episode]) -> int:
    return sum(episode.status == "active" for episode in open.values())


def _by_time(details: Sequence[Document]) -> dict[int, list[Document]]:
    found: dict[int, list[Document]] = {}
    for detail in details:
        found.setdefault(int(detail["timestamp"]), []).append(detail)
    return found
