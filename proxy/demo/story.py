"""The steps of the demo against any proxy: index flights, make a rule, start datafeeds, read the worst days back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from elastic_transport import ConnectionError as ProxyUnreachable
from elastic_transport import ConnectionTimeout
from elasticsearch import ApiError, Elasticsearch, NotFoundError
from elasticsearch.helpers import streaming_bulk
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from proxy.demo.flights import MAPPING, TOTAL, read_flights
from proxy.demo.jobs import END, GROUP, INDEX, JOBS, RULE, RULE_ID

Answer = TypeVar("Answer")
_DAY_MS = 86_400_000
_WORST_DAYS = 10
_TOP_N = 2
_UNREACHABLE_FOR_S = 60
_LOOK_EVERY_S = 0.5
# Alerts are raised a moment after the last bucket.
_ALERTS_WITHIN_S = 10
_ALERTS = "lanewatch-alerts"


@dataclass(frozen=True, slots=True)
class BadDay:
    """A day with its overall score, the score of each job, who influenced it most, and how many alerts began."""

    timestamp_ms: int
    score: float
    jobs: dict[str, float]
    influencers: list[str]
    alerts: int

    @property
    def date(self) -> str:
        return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC).strftime("%a %d %b")

    @property
    def hours(self) -> tuple[str, str]:
        ends = (self.timestamp_ms, self.timestamp_ms + _DAY_MS)
        start, end = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in ends)
        return start, end


def tell(url: str, console: Console) -> list[BadDay]:
    """Runs the demo against the proxy at ``url`` and prints what it finds; returns the worst days."""
    with Elasticsearch(url, request_timeout=120) as client:
        with _progress(console) as progress:
            index_flights(client, progress)
        make_jobs(client)
        make_rule(client)
        start_datafeeds(client, url, console)
        with _progress(console) as progress:
            watch_jobs(client, progress)
        days = worst_days(client, alerts_by_day(client))
    print_days(days, url, console)
    return days


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description:<38}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


def index_flights(client: Elasticsearch, progress: Progress) -> None:
    """Indexes all flights, unless they are there already."""
    bar = progress.add_task("flights into Elasticsearch", total=TOTAL)
    if client.indices.exists(index=INDEX) and client.count(index=INDEX)["count"] == TOTAL:
        progress.update(bar, completed=TOTAL)
        return
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    client.indices.create(index=INDEX, mappings=MAPPING, settings={"number_of_replicas": 0, "refresh_interval": "-1"})
    actions = ({"_index": INDEX, "_source": flight} for flight in read_flights())
    for done, _ in enumerate(streaming_bulk(client, actions, chunk_size=5000), start=1):
        if done % 5000 == 0 or done == TOTAL:
            progress.update(bar, completed=done)
    client.indices.put_settings(index=INDEX, settings={"refresh_interval": None})
    client.indices.refresh(index=INDEX)


def make_jobs(client: Elasticsearch) -> None:
    """The jobs with their datafeeds, new and open; those of an earlier demo go."""
    for job_id, config in JOBS.items():
        with suppress(NotFoundError):
            client.ml.delete_job(job_id=job_id, force=True)
        client.ml.put_job(job_id=job_id, **config)
        client.ml.open_job(job_id=job_id)


def make_rule(client: Elasticsearch) -> None:
    """The rule about the jobs, new as they are: by the paths that Kibana has for rules."""
    path, headers = f"/api/alerting/rule/{RULE_ID}", {"accept": "application/json", "content-type": "application/json"}
    with suppress(NotFoundError):
        client.perform_request("DELETE", path, headers=headers)
    client.perform_request("POST", path, headers=headers, body=RULE)


def start_datafeeds(client: Elasticsearch, url: str, console: Console) -> None:
    """Each by one call, which is shown. The datafeed of a job that brings its own is called as the job."""
    console.print("Each job is fed by one call:")
    for job_id in JOBS:
        console.print(f"  curl -XPOST '{url}/_ml/datafeeds/{job_id}/_start?end={END}'", soft_wrap=True, highlight=False)
        client.ml.start_datafeed(datafeed_id=job_id, end=END)


def watch_jobs(client: Elasticsearch, progress: Progress) -> None:
    """Until all flights have been analysed: then the datafeeds have stopped and closed the jobs."""
    bars = {job_id: progress.add_task(f"job {job_id}", total=TOTAL) for job_id in JOBS}
    is_over = False
    while not is_over:
        jobs = patiently(partial(client.ml.get_job_stats, job_id=GROUP))["jobs"]
        for job in jobs:
            progress.update(bars[job["job_id"]], completed=job["data_counts"]["input_record_count"])
        is_over = all(job["state"] == "closed" for job in jobs)
        time.sleep(_LOOK_EVERY_S)


def patiently(step: Callable[[], Answer]) -> Answer:
    """Repeats a step while the proxy is away for a moment, as when it is being restarted."""
    patience_ends = time.monotonic() + _UNREACHABLE_FOR_S
    while True:
        try:
            return step()
        except (ProxyUnreachable, ConnectionTimeout):
            if time.monotonic() > patience_ends:
                raise
        except ApiError as error:
            if error.status_code != 503 or time.monotonic() > patience_ends:
                raise
        time.sleep(_LOOK_EVERY_S)


def alerts_by_day(client: Elasticsearch) -> Counter[int]:
    """How many alerts began on each day, once no more are raised."""
    days: Counter[int] = Counter()
    patience_ends, had = time.monotonic() + _ALERTS_WITHIN_S, -1
    while had != days.total() and time.monotonic() < patience_ends:
        had = days.total()
        time.sleep(2 * _LOOK_EVERY_S)
        query = {"term": {"kibana.alert.rule.uuid": RULE_ID}}
        client.indices.refresh(index=_ALERTS)
        found = client.search(index=_ALERTS, query=query, size=1000, source_includes="kibana.alert.start")
        starts = (hit["_source"]["kibana.alert.start"] for hit in found["hits"]["hits"])
        days = Counter(start // _DAY_MS * _DAY_MS for start in starts)
    return days


def worst_days(client: Elasticsearch, alerts: Counter[int]) -> list[BadDay]:
    """The days with the highest overall scores, worst first."""
    answer = client.ml.get_overall_buckets(job_id=GROUP, top_n=_TOP_N, overall_score=1)
    worst = sorted(answer["overall_buckets"], key=lambda bucket: -bucket["overall_score"])
    return [_bad_day(client, bucket, alerts[bucket["timestamp"]]) for bucket in islice(worst, _WORST_DAYS)]


def _bad_day(client: Elasticsearch, bucket: dict[str, Any], alerts: int) -> BadDay:
    start, end = bucket["timestamp"], bucket["timestamp"] + _DAY_MS
    best: dict[str, float] = {}
    for job in bucket["jobs"]:
        if job["max_anomaly_score"] < 1:
            continue
        found = client.ml.get_influencers(job_id=job["job_id"], start=str(start), end=str(end))
        for influencer in found["influencers"]:
            name = f"{influencer['influencer_field_name']}={influencer['influencer_field_value']}"
            best[name] = max(best.get(name, 0.0), influencer["influencer_score"])
    strongest = sorted((name for name in best if best[name] >= 1), key=lambda name: -best[name])[:3]
    scores = {job["job_id"]: job["max_anomaly_score"] for job in bucket["jobs"]}
    return BadDay(start, bucket["overall_score"], scores, strongest, alerts)


def print_days(days: list[BadDay], url: str, console: Console) -> None:
    table = Table(title="The worst days of 2013 at New York's airports", title_justify="left")
    table.add_column("day")
    for name in ("score", *(job.removeprefix("flights-") for job in JOBS)):
        table.add_column(name, justify="right")
    table.add_column("alerts", justify="right")
    table.add_column("top influencers")
    for day in days:
        scores = [f"{day.jobs.get(job, 0):.0f}" for job in JOBS]
        table.add_row(day.date, f"{day.score:.0f}", *scores, str(day.alerts or ""), ", ".join(day.influencers))
    console.print(table)
    console.print("Each line comes from one call:")
    for day in days:
        start, end = day.hours
        query = f"top_n={_TOP_N}&start={start}&end={end}"
        console.print(f"  curl '{url}/_ml/anomaly_detectors/{GROUP}/results/overall_buckets?{query}&pretty'",
                      soft_wrap=True, highlight=False)  # fmt: skip
