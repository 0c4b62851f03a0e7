"""The rules that are in force, kept at hand: asked for at every bucket, changed by people."""

from __future__ import annotations

import asyncio
import logging

from proxy.alerting.rule import Rule, rule_of
from proxy.errors import MlError
from proxy.store import Store

_log = logging.getLogger(__name__)


class RuleBook:
    """Reads all rules when told that they have changed, and now and then because others may change them as well."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[str, Rule] = {}
        self._turn = asyncio.Lock()

    async def read(self) -> None:
        """
        Raises:
            MlError: the cluster cannot be asked; the rules known before stay in force.
        """
        rules: dict[str, Rule] = {}
        async with self._turn:  # who began to read earlier must not have the last word
            for stored in await self._store.alert_rules.all():
                try:
                    rules[stored["id"]] = rule_of(stored)
                except (MlError, AttributeError, LookupError, TypeError, ValueError) as error:
                    # Whoever writes to our index by himself must not silence the other rules.
                    _log.warning("rule [%s] cannot be read: %s", stored["id"], error)
            self._rules = rules

    def find(self, rule_id: str) -> Rule | None:
        return self._rules.get(rule_id)

    def all(self) -> list[Rule]:
        return list(self._rules.values())

    def enabled(self) -> list[Rule]:
        return [rule for rule in self._rules.values() if rule.enabled]

    def about(self, job_id: str, groups: tuple[str, ...]) -> list[Rule]:
        """The rules about anomalies that are to be judged on a job's buckets."""
        return [rule for rule in self.enabled() if rule.params is not None and rule.params.selects(job_id, groups)]

    def in_force(self, rule_id: str, job_id: str, groups: tuple[str, ...]) -> Rule | None:
        """A rule as it is now, if it is still to be judged on a job's buckets."""
        return next((rule for rule in self.about(job_id, groups) if rule.rule_id == rule_id), None)
