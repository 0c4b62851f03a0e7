"""What became of the last run of each rule, as its answers show it; kept at hand, and stored when it changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.alerting.evaluator import Judged
from proxy.alerting.rule import Rule
from proxy.errors import MlError
from proxy.store.alerting.rules import AlertRules
from proxy.units import iso

_log = logging.getLogger(__name__)
# What only says that all goes on as before is not stored at every bucket.
_STORE_EVERY_MS = 30_000


@dataclass(slots=True)
class _Run:
    active: dict[str, int] = field(default_factory=dict)
    judged_at: dict[str, int] = field(default_factory=dict)
    evaluations: int = 0
    lag_ms: int | None = None
    stored_at: int = 0
    last: Mapping[str, Any] = field(default_factory=dict)


class Runs:
    def __init__(self, store: AlertRules, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self.failures = 0

    async def judged(self, rule: Rule, source: str, judged: Judged) -> None:
        """A job, or the health of jobs, was looked at."""
        run = self._runs.setdefault(rule.rule_id, _Run())
        run.active[source], run.judged_at[source] = judged.active, self._clock()
        run.evaluations += 1
        run.lag_ms = judged.lag_ms if judged.lag_ms is not None else run.lag_ms
        active = sum(run.active.values())
        counts = {"active": active, "new": judged.new, "recovered": judged.recovered, "ignored": 0}
        await self._keep(rule, run, self._form("active" if active else "ok", "succeeded", counts))

    async def failed(self, rule: Rule, reason: str) -> None:
        """A rule could not be judged; it will be tried again."""
        self.failures += 1
        run = self._runs.setdefault(rule.rule_id, _Run())
        await self._keep(rule, run, self._form("error", "failed", _counts(run), ("read", reason)))

    async def look_for_silence(self, rule: Rule, job_id: str, longest_ms: int) -> None:
        """Warns where a job has finished nothing for so long since it was last judged."""
        run = self._runs.setdefault(rule.rule_id, _Run())
        silent_ms = self._clock() - run.judged_at.setdefault(job_id, self._clock())
        if silent_ms > longest_ms:
            text = f"Job [{job_id}] is open and has finished no bucket for {silent_ms // 1000} seconds"
            await self._keep(rule, run, self._form("warning", "warning", _counts(run), ("execute", text)))

    async def failed_to_deliver(self, rule_id: str, reason: str) -> None:
        """A message about an alert is given up."""
        self.failures += 1
        run = self._runs.setdefault(rule_id, _Run())
        await self._write(rule_id, run, self._form("warning", "warning", _counts(run), ("execute", reason)))

    async def misses(self, rule: Rule, job_ids: Sequence[str]) -> None:
        """A rule names jobs that do not exist."""
        run = self._runs.setdefault(rule.rule_id, _Run())
        text = f"Unable to find jobs for provided job ids: [{', '.join(job_ids)}]"
        await self._keep(rule, run, self._form("warning", "warning", _counts(run), ("execute", text)))

    def forget(self, rule_id: str, source: str | None = None) -> None:
        """What was seen on one job, or on all of them."""
        if source is None:
            self._runs.pop(rule_id, None)
        elif rule_id in self._runs:
            self._runs[rule_id].active.pop(source, None)
            self._runs[rule_id].judged_at.pop(source, None)

    @property
    def evaluations(self) -> int:
        return sum(run.evaluations for run in self._runs.values())

    @property
    def lag_ms(self) -> int:
        """The longest from the end of a bucket until rules were judged on it, of the last look of each rule."""
        return max((run.lag_ms or 0 for run in self._runs.values()), default=0)

    @property
    def active(self) -> int:
        return sum(sum(run.active.values()) for run in self._runs.values())

    async def _keep(self, rule: Rule, run: _Run, form: dict[str, Any]) -> None:
        form["next_run"] = iso(self._clock() + rule.interval_ms)
        counts = form["last_run"]["alerts_count"]
        is_news = counts["new"] or counts["recovered"] or _said(form) != _said(run.last)
        if is_news or self._clock() - run.stored_at >= _STORE_EVERY_MS:
            await self._write(rule.rule_id, run, form)

    def _form(
        self, status: str, outcome: str, counts: Mapping[str, int], error: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """``error`` is its kind and its text."""
        execution: dict[str, Any] = {"status": status, "last_execution_date": iso(self._clock()), "last_duration": 0}
        if error is not None:
            execution["error"] = {"reason": error[0], "message": error[1]}
        told = None if error is None else [error[1]]
        return {
            "execution_status": execution,
            "last_run": {"outcome": outcome, "outcome_msg": told, "alerts_count": dict(counts)},
        }

    async def _write(self, rule_id: str, run: _Run, form: dict[str, Any]) -> None:
        run.last, run.stored_at = form, self._clock()
        try:
            await self._store.ran(rule_id, form)
        except MlError as error:
            _log.warning("what became of rule [%s] could not be stored: %s", rule_id, error.reason)


def _counts(run: _Run) -> dict[str, int]:
    """Of a look that has found nothing new."""
    return {"active": sum(run.active.values()), "new": 0, "recovered": 0, "ignored": 0}


def _said(form: Mapping[str, Any]) -> tuple[object, ...]:
    execution = form.get("execution_status", {})
    return (
        execution.get("status"),
        execution.get("error"),
        form.get("last_run", {}).get("alerts_count", {}).get("active"),
    )
