"""Alerting as a whole: hears of finished buckets, looks after what was left over, and is asked by handlers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.alerting.delivery.outbox import Outbox
from proxy.alerting.evaluator import Evaluator
from proxy.alerting.health import ALL_JOBS, Health
from proxy.alerting.in_hand import InHand
from proxy.alerting.links import Links
from proxy.alerting.rule import Rule
from proxy.alerting.rule_book import RuleBook
from proxy.alerting.runs import Runs
from proxy.config import Config
from proxy.errors import MlError
from proxy.runtime.supervisor import Supervisor
from proxy.runtime.tasks import Tasks, until_done
from proxy.store import Store
from proxy.store.alerting.progress import StoredProgress
from proxy.units import parse_duration_ms

_log = logging.getLogger(__name__)
# How often rules are read again, and what could not be judged is tried again.
_LOOK_EVERY_S = 10.0
_HEALTH_EVERY_S = 5.0
# An open job that finishes no bucket for so long is worth a warning.
_SILENT_SPANS = 3
# Jobs that are looked at together.
_AT_ONCE = 8
_MISSING_EVERY_S = 60.0


class Alerting:
    """Starting it catches up with what was finished while nobody looked."""

    def __init__(self, store: Store, runtime: Supervisor, config: Config, clock: Callable[[], int]) -> None:
        self._store = store
        self._runtime = runtime
        self._clock = clock
        self._tasks = Tasks()
        self.book = RuleBook(store)
        links = Links((config.page.public_base_url or "").rstrip("/"), config.page.path)
        self.evaluator = Evaluator(store, clock, links)
        self.runs = Runs(store.alert_rules, clock)
        self.outbox = Outbox(store, config, clock, self.runs.failed_to_deliver)
        self._health = Health(store, runtime, links, clock)
        self._due: set[str] = set()
        self._at_work: set[str] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._in_hand = InHand()
        runtime.listeners.finished = self.hear
        runtime.listeners.removed = self.removed

    async def start(self) -> None:
        self._tasks.spawn(self._catch_up(), "catch up with alert rules")
        self._tasks.repeat(self._look, "look after alert rules", every_s=_LOOK_EVERY_S)
        self._tasks.repeat(self._look_for_jobs, "look for the jobs of alert rules", every_s=_MISSING_EVERY_S)
        self._tasks.repeat(self._check_health, "check the health of jobs", every_s=_HEALTH_EVERY_S)
        await self.outbox.start()

    async def stop(self) -> None:
        await self._tasks.stop()
        await self.outbox.stop()

    # ---- what happens to jobs

    def hear(self, job_id: str) -> None:
        """A job has finished buckets."""
        if not self.book.enabled():
            return
        self._due.add(job_id)
        if job_id not in self._at_work:
            self._at_work.add(job_id)
            self._tasks.spawn(self._judge_due(job_id), f"judge rules on [{job_id}]")

    async def removed(self, job_id: str, *, keeps_results: bool) -> None:
        """A job was deleted, reset or reverted: its alerts end, and judging goes on with what it finds from now on.

        Raises:
            MlError: that could not be stored.
        """
        await self._in_hand.done(job_id=job_id)
        for progress in await self._store.alert_progress.of_job(job_id):
            rule = self.book.find(progress.rule_id)
            latest_ms = await self._store.final_results.latest(job_id) if keeps_results else None
            if rule is not None:
                await self.evaluator.untrack(rule, progress, latest_ms, renews=not keeps_results)
            self.runs.forget(progress.rule_id, job_id)

    async def regrouped(self, job_id: str, former: Sequence[str], groups: Sequence[str]) -> None:
        """A job is in other groups than before.

        Alerts of rules that select it no longer end; to those that select it only now, what it found before is no news.

        Raises:
            MlError: that could not be stored.
        """
        changed = [
            (rule, is_now)
            for rule in self.book.all()
            if rule.params is not None
            and rule.params.selects(job_id, tuple(former)) != (is_now := rule.params.selects(job_id, tuple(groups)))
        ]
        if not changed:
            return
        await self._store.results_write.refresh(job_id)
        latest_ms = await self._store.final_results.latest(job_id)
        for rule, is_now in changed:
            await self._in_hand.done(rule_id=rule.rule_id, job_id=job_id)
            progress = await self._store.alert_progress.find(rule.rule_id, job_id)
            await self.evaluator.untrack(rule, progress, latest_ms if is_now else None, renews=True)
            self.runs.forget(rule.rule_id, job_id)

    async def _judge_due(self, job_id: str) -> None:
        try:
            while job_id in self._due:
                self._due.discard(job_id)
                async with self._places:
                    is_done = await self._judge(job_id)
                if not is_done:
                    self._due.add(job_id)  # the next look tries again
                    return
        finally:
            self._at_work.discard(job_id)

    async def _judge(self, job_id: str) -> bool:
        """Whether all rules about a job have been judged."""
        try:
            groups = await self._groups(job_id)
            rules = self.book.about(job_id, groups)
            if rules:
                await self._store.results_write.refresh(job_id)
        except MlError as error:
            if error.status == 404:
                return True
            _log.warning("rules on job [%s] could not be judged: %s", job_id, error.reason)
            return False
        done = [await self._judge_rule(rule, job_id, groups) for rule in rules]
        return all(done)

    async def _judge_rule(self, rule: Rule, job_id: str, groups: tuple[str, ...]) -> bool:
        try:
            # Page by page, each by the rule as it is then.
            while now := self.book.in_force(rule.rule_id, job_id, groups):
                rule = now
                assert rule.params is not None, "the book says which rules are about anomalies"
                with self._in_hand.on(rule.rule_id, job_id):
                    judged = await self.evaluator.judge(rule, rule.params, job_id)
                    if rule.actions and judged.buckets:
                        self.outbox.nudge()
                    await self.runs.judged(rule, job_id, judged)
                if judged.is_last:
                    return True
        except MlError as error:
            await self.runs.failed(rule, error.reason)
            return False
        except Exception as error:  # a fault of ours in one rule must not keep others from being judged
            _log.exception("rule [%s] could not be judged on job [%s]", rule.rule_id, job_id)
            await self.runs.failed(rule, f"{type(error).__name__}: {error}")
        return True

    async def _groups(self, job_id: str) -> tuple[str, ...]:
        live = self._runtime.live(job_id)
        config = live.inputs.configuration if live else (await self._store.jobs.get(job_id)).config
        return tuple(config.get("groups") or ())

    # ---- what goes on by itself

    async def _catch_up(self) -> None:
        await until_done(self.book.read, "read alert rules", every_s=_LOOK_EVERY_S)
        if self.book.enabled():
            for job in await self._store.jobs.resolve(None):
                self.hear(job.job_id)

    async def _look(self) -> None:
        await self.book.read()
        for job_id in list(self._due):
            self.hear(job_id)
        if self.book.enabled():
            await self._look_for_silence()

    async def _look_for_silence(self) -> None:
        """A rule that has nothing to look at any more says so: silence is no good news."""
        for job_id in self._runtime.running():
            live = self._runtime.live(job_id)
            if live is None:
                continue
            span_ms = parse_duration_ms(live.inputs.configuration["analysis_config"]["bucket_span"], "bucket_span")
            for rule in self.book.about(job_id, tuple(live.inputs.configuration.get("groups") or ())):
                await self.runs.look_for_silence(rule, job_id, _SILENT_SPANS * span_ms)

    async def _check_health(self) -> None:
        for rule in self.book.enabled():
            if rule.params is not None or self.book.find(rule.rule_id) is not rule:
                continue
            with self._in_hand.on(rule.rule_id, ALL_JOBS):
                has_news = await self._health.check_if_due(rule, self.runs)
            if has_news:
                self.outbox.nudge()

    async def _look_for_jobs(self) -> None:
        """A rule about a job that does not exist says so."""
        named = {rule.rule_id: rule.params.job_ids for rule in self.book.enabled() if rule.params is not None}
        if not any(named.values()):
            return
        known = {"*", *(job.job_id for job in await self._store.jobs.resolve(None))}
        for rule in self.book.enabled():
            if missing := [job_id for job_id in named.get(rule.rule_id, ()) if job_id not in known]:
                await self.runs.misses(rule, missing)

    # ---- what is measured

    @property
    def rules(self) -> int:
        return len(self.book.enabled())

    @property
    def active(self) -> int:
        return self.runs.active

    @property
    def evaluations(self) -> int:
        return self.runs.evaluations

    @property
    def failures(self) -> int:
        return self.runs.failures

    @property
    def lag_s(self) -> float:
        return self.runs.lag_ms / 1000

    @property
    def pending(self) -> int:
        return self.outbox.pending

    @property
    def messages(self) -> Mapping[tuple[str, str], int]:
        outbox = self.outbox
        counted = (("sent", outbox.sent), ("failed", outbox.failed), ("retried", outbox.retried))
        return {(kind, outcome): count for outcome, counts in counted for kind, count in counts.items()}

    # ---- what handlers ask

    async def changed(self) -> None:
        """Rules have been changed: what is in force is read again."""
        await self.book.read()

    async def begun(self) -> None:
        """As ``changed``, where more may be in force: what was finished between the change and now is looked at."""
        await self.book.read()
        for job_id in self._runtime.running():
            self.hear(job_id)

    async def untrack(self, rule: Rule) -> None:
        """Ends all alerts of a rule that is disabled or deleted."""
        await self._in_hand.done(rule_id=rule.rule_id)
        for progress in await self._store.alert_progress.of_rule(rule.rule_id):
            await self.evaluator.untrack(rule, progress, _bucket_of(progress), renews=False)
        self.runs.forget(rule.rule_id)

    async def narrowed(self, rule: Rule) -> None:
        """Ends the alerts of a rule about jobs that it selects no longer; selected again, they begin anew."""
        await self._in_hand.done(rule_id=rule.rule_id)
        selected = {ALL_JOBS, *await self.selected(rule)}
        for progress in await self._store.alert_progress.of_rule(rule.rule_id):
            if progress.job_id not in selected:
                await self.evaluator.untrack(rule, progress, None, renews=True)
                self.runs.forget(rule.rule_id, progress.job_id)

    async def forget(self, rule: Rule) -> None:
        """Ends all alerts of a rule that is deleted, and what is kept for it."""
        await self.untrack(rule)
        for progress in await self._store.alert_progress.of_rule(rule.rule_id):
            await self._store.alert_progress.delete(progress)

    async def selected(self, rule: Rule) -> Sequence[str]:
        """The jobs that a rule is about, by id."""
        jobs = await self._store.jobs.resolve(None)
        params = rule.params
        assert params is not None, "only rules about anomalies select jobs so"
        return [job.job_id for job in jobs if params.selects(job.job_id, tuple(job.config.get("groups") or ()))]


def _bucket_of(progress: StoredProgress) -> int | None:
    state: Mapping[str, Any] = progress.state
    return state.get("bucket_ms")
