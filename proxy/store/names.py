"""Index, alias and configuration document names. Ids of results are in ``results.ids``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.config import IndicesConfig
from proxy.errors import unknown_job

_NUMBER = re.compile(r"-\d+$")
_JOB_ID = re.compile(r"[a-z0-9](?:[a-z0-9_\-.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Names:
    """The documented names, with the prefix and the indices that the settings choose."""

    indices: IndicesConfig

    @property
    def config(self) -> str:
        return self.indices.config

    @property
    def config_alias(self) -> str:
        """What its documents are read and written by: a write to an alias that is gone makes no index by itself."""
        return f"{self.indices.config}-documents"

    @property
    def journal(self) -> str:
        return self.indices.journal

    @property
    def journal_write_alias(self) -> str:
        return f"{self.indices.journal}-write"

    @property
    def notifications_write_alias(self) -> str:
        """Elasticsearch's own name, where the index has the documented one."""
        return _NUMBER.sub("", self.indices.notifications) + "-write"

    @property
    def alerting_alias(self) -> str:
        """What alert rules and connectors are read and written by, see ``config_alias``."""
        return f"{self.indices.alerting}-documents"

    @property
    def deliveries_alias(self) -> str:
        """What messages about alerts are read and written by, see ``config_alias``."""
        return f"{self.indices.deliveries}-documents"

    def of_alerting(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """As ``own``: the indices of those who use alert rules."""
        indices = self.indices
        return {
            indices.alerting: ("alerting", (self.alerting_alias,)),
            indices.alerts: ("alerts", (indices.alerts_alias,)),
            indices.deliveries: ("deliveries", (self.deliveries_alias,)),
        }

    def own(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """The indices that all jobs share, with the names of their mappings and their aliases."""
        indices = self.indices
        return {
            self.config: ("config", (self.config_alias,)),
            self.journal: ("journal", (self.journal_write_alias,)),
            indices.notifications: ("notifications", (self.notifications_write_alias,)),
            indices.state: ("state", (indices.state_write_alias,)),
            indices.annotations: ("annotations", (indices.annotations_read_alias, indices.annotations_write_alias)),
        }

    def results(self, results_index_name: str) -> str:
        """The concrete index of ``shared`` or ``custom-…``."""
        return self.indices.results_prefix + results_index_name

    def read_alias(self, job_id: str) -> str:
        """The alias of a job's own results.

        Raises:
            MlError: 404 for what no job can be called: a comma or a star would name the results of others.
        """
        return self.indices.results_prefix + _one_job(job_id)

    def write_alias(self, job_id: str) -> str:
        """The alias that a job writes through; refuses what ``read_alias`` refuses."""
        return f"{self.indices.results_prefix}.write-{_one_job(job_id)}"

    @property
    def all_results(self) -> str:
        return self.indices.results_prefix + "*"

    @property
    def all_state(self) -> str:
        return self.indices.state.rpartition("-")[0] + "*" if "-" in self.indices.state[1:] else self.indices.state


def _one_job(job_id: str) -> str:
    if not _JOB_ID.fullmatch(job_id):
        raise unknown_job(job_id)
    return job_id


def job_document(job_id: str) -> str:
    return f"anomaly_detector-{job_id}"


def task_document(job_id: str) -> str:
    return f"job_task-{job_id}"


def datafeed_task_document(datafeed_id: str) -> str:
    return f"datafeed_task-{datafeed_id}"
