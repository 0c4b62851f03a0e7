"""What is counted and timed while we serve, in Prometheus' form. Who asks for it is ``api.watch``'s matter."""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from proxy.runtime.datafeeds.feeds import Feeds
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import Vitals
from proxy.runtime.place.wire import Traffic
from proxy.store.calls import ClusterCall

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Jobs(Protocol):
    """What is asked about the jobs that are not closed."""

    def running(self) -> list[str]: ...

    def shown(self, job_id: str) -> str: ...

    def live(self, job_id: str) -> LiveJob | None: ...

    def vitals(self) -> Vitals: ...

    @property
    def traffic(self) -> Traffic: ...

    @property
    def waiting_steps(self) -> int: ...

    @property
    def datafeeds(self) -> Feeds: ...


class Alerts(Protocol):
    """What is asked about alert rules; counts are since the start."""

    @property
    def rules(self) -> int: ...

    @property
    def active(self) -> int: ...

    @property
    def evaluations(self) -> int: ...

    @property
    def failures(self) -> int: ...

    @property
    def lag_s(self) -> float: ...

    @property
    def pending(self) -> int: ...

    @property
    def messages(self) -> Mapping[tuple[str, str], int]:
        """By the type of connector and what became of a try: sent, failed or retried."""
        ...


class Metrics:
    """All that is measured; jobs are looked at when somebody asks."""

    def __init__(self) -> None:
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
        self._calls = Histogram(
            "lanewatch_cluster_request_duration_seconds",
            "Time that the cluster took for Lanewatch's own requests, of all its processes.",
            ["kind", "outcome"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._bodies = Gauge(
            "lanewatch_in_flight_bytes",
            "Bodies of requests that are held because those are not answered yet.",
            registry=self._registry,
        )
        ProcessCollector(namespace="lanewatch", registry=self._registry)
        self._of_jobs: Collector | None = None
        self._of_alerts: Collector | None = None

    def look_at(self, jobs: Jobs) -> None:
        """Tells of these jobs from now on."""
        self._of_jobs = self._replaced(self._of_jobs, _OfJobs(jobs))

    def look_at_alerts(self, alerts: Alerts) -> None:
        """Tells of these alert rules from now on."""
        self._of_alerts = self._replaced(self._of_alerts, _OfAlerts(alerts))

    def _replaced(self, former: Collector | None, collector: Collector) -> Collector:
        if former is not None:
            self._registry.unregister(former)
        self._registry.register(collector)
        return collector

    def look_at_bodies(self, held: Callable[[], float]) -> None:
        """``held`` is how many bytes of bodies are held."""
        self._bodies.set_function(held)

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Counts a request that was answered."""
        self._requests.labels(operation, str(status)).observe(seconds)

    def cluster_called(self, call: ClusterCall) -> None:
        """Counts a request of ours to the cluster."""
        self._calls.labels(call.kind, call.outcome).observe(call.seconds)

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
        yield GaugeMetricFamily(
            "lanewatch_waiting_steps",
            "Posts and other steps that wait for an earlier one of the same job to end.",
            value=self._jobs.waiting_steps,
        )
        yield job_lags(self._jobs.datafeeds.lags_ms())
        yield from _places(self._jobs.vitals())
        yield from _traffic(self._jobs.traffic)


class _OfAlerts(Collector):
    """Sums over rules, as over jobs."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def collect(self) -> Iterator[Metric]:
        alerts = self._alerts
        yield GaugeMetricFamily("lanewatch_alert_rules", "Alert rules that are enabled.", value=alerts.rules)
        yield GaugeMetricFamily("lanewatch_alerts_active", "Alerts that go on.", value=alerts.active)
        yield CounterMetricFamily(
            "lanewatch_alert_evaluations", "How often a rule was judged on a job.", value=alerts.evaluations
        )
        yield CounterMetricFamily(
            "lanewatch_alert_failures", "Judgements and messages that came to nothing.", value=alerts.failures
        )
        yield GaugeMetricFamily(
            "lanewatch_alert_lag_seconds",
            "The longest from the end of a bucket until rules were judged on it, as of the last look of each rule.",
            value=alerts.lag_s,
        )
        yield GaugeMetricFamily(
            "lanewatch_alert_messages_pending", "Messages about alerts that wait to be sent.", value=alerts.pending
        )
        messages = CounterMetricFamily(
            "lanewatch_alert_messages", "Tries to send messages about alerts.", labels=["connector_type", "outcome"]
        )
        for labels, count in alerts.messages.items():
            messages.add_metric(list(labels), count)
        yield messages


def job_lags(lags_ms: Sequence[int]) -> Metric:
    """The lags of jobs in milliseconds as quantiles in seconds; none of none."""
    lags = GaugeMetricFamily(
        "lanewatch_job_lag_seconds",
        "How far the latest record of jobs with a real-time datafeed is behind the clock.",
        labels=["quantile"],
    )
    in_order = sorted(lags_ms)
    for quantile in (0.5, 0.9, 1.0) if in_order else ():
        lags.add_metric([f"{quantile:g}"], in_order[math.ceil(quantile * len(in_order)) - 1] / 1000)
    return lags


def _places(vitals: Vitals) -> Iterator[Metric]:
    yield GaugeMetricFamily("lanewatch_model_processes", "Processes in which models compute.", value=vitals.processes)
    yield CounterMetricFamily(
        "lanewatch_model_process_starts", "How often such a process was started.", value=vitals.starts
    )
    yield GaugeMetricFamily(
        "lanewatch_model_processes_memory_bytes", "What those processes hold in memory.", value=vitals.memory_bytes
    )


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    """What the process that answers spends on each bucket: the rest of a job's work is done where its model is."""
    messages = CounterMetricFamily(
        "lanewatch_place_messages",
        "Messages between the process that answers and those in which models compute.",
        labels=["direction", "kind"],
    )
    sizes = CounterMetricFamily("lanewatch_place_message_bytes", "Their bytes.", labels=["direction", "kind"])
    for labels, count in list(traffic.messages.items()):
        messages.add_metric(list(labels), count)
        sizes.add_metric(list(labels), traffic.bytes[labels])
    yield messages
    yield sizes
    yield CounterMetricFamily(
        "lanewatch_finished_buckets", "Buckets that models have told of as finished.", value=traffic.buckets
    )


def _total(lives: Iterable[LiveJob], part: str, name: str) -> float:
    statuses = (live.status for live in lives)
    return float(sum(getattr(status, part).get(name) or 0 for status in statuses if status is not None))
