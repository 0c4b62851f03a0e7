"""Index, alias and configuration document names. Ids of results are in ``result_ids``."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config import IndicesConfig


@dataclass(frozen=True, slots=True)
class Names:
    """The documented names, with the prefix and the indices that the settings choose."""

    indices: IndicesConfig

    @property
    def config(self) -> str:
        return self.indices.config

    @property
    def journal(self) -> str:
        return self.indices.journal

    def results(self, results_index_name: str) -> str:
        """The concrete index of ``shared`` or ``custom-…``."""
        return self.indices.results_prefix + results_index_name

    def read_alias(self, job_id: str) -> str:
        return self.indices.results_prefix + job_id

    def write_alias(self, job_id: str) -> str:
        return f"{self.indices.results_prefix}.write-{job_id}"

    @property
    def all_results(self) -> str:
        return self.indices.results_prefix + "*"

    @property
    def all_state(self) -> str:
        return self.indices.state.rpartition("-")[0] + "*" if "-" in self.indices.state[1:] else self.indices.state


def job_document(job_id: str) -> str:
    return f"anomaly_detector-{job_id}"


def task_document(job_id: str) -> str:
    return f"job_task-{job_id}"
