"""What is counted and timed while we serve, in Prometheus' form. Who asks for it is ``api.watch``'s matter."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from proxy.runtime.live_job import LiveJob

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Jobs(Protocol):
    """What is asked about the jobs that are not closed."""

    def running(self) -> list[str]: ...

    def shown(self, job_id: str) -> str: ...

    def live(self, job_id: str) -> LiveJob | None: ...


class Metrics:
    """All that is measured in one process; jobs are looked at when somebody asks."""

    def __init__(self, jobs: Jobs) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "lanewatch_request_duration_seconds",
            "Time to answer a request of the machine-learning API.",
            ["operation", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._delay = Histogram(
            "lanewatch_event_loop_delay_seconds",
            "How much later than asked for the event loop went on: what holds up everything.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_OfJobs(jobs))

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Counts a request that was answered."""
        self._requests.labels(operation, str(status)).observe(seconds)

    def delayed(self, seconds: float) -> None:
        """Counts a look at the event loop."""
        self._delay.observe(seconds)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)


class _OfJobs(Collector):
    """Sums over jobs; a label for each would tell everybody their names, and grow without end."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        ids = self._jobs.running()
        states = GaugeMetricFamily("lanewatch_jobs", "Jobs that are not closed, by state.", labels=["state"])
        for state, count in Tally(self._jobs.shown(job_id) for job_id in ids).items():
            states.add_metric([state], count)
        yield states
        lives = [live for live in map(self._jobs.live, ids) if live is not None]
        yield CounterMetricFamily(
            "lanewatch_processed_records",
            "Records that the open jobs have processed since they were created.",
            value=_total(lives, "data_counts", "processed_record_count"),
        )
        yield GaugeMetricFamily(
            "lanewatch_model_bytes",
            "Memory of the open jobs' models.",
            value=_total(lives, "model_size", "model_bytes"),
        )
        yield GaugeMetricFamily(
            "lanewatch_jobs_with_unsent_results",
            "Open jobs whose results wait for a cluster that does not take them.",
            value=sum(live.has_unsent for live in lives),
        )


def _total(lives: Iterable[LiveJob], part: str, name: str) -> float:
    statuses = (live.status for live in lives)
    return float(sum(getattr(status, part).get(name) or 0 for status in statuses if status is not None))
