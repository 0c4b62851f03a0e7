"""The steps of the demo against any proxy: index the flights, run the jobs, read the worst days back."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from elastic_transport import ConnectionError as ProxyUnreachable
from elastic_transport import ConnectionTimeout
from elasticsearch import ApiError, Elasticsearch, ElasticsearchWarning, NotFoundError
from elasticsearch.helpers import streaming_bulk
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from proxy.demo.flights import MAPPING, TOTAL, Flight, read_flights
from proxy.demo.jobs import FIELDS, GROUP, INDEX, JOBS

Answer = TypeVar("Answer")
_PAGE = 10_000
_DAY_MS = 86_400_000
_WORST_DAYS = 10
_TOP_N = 2
_UNREACHABLE_FOR_S = 60


@dataclass(frozen=True, slots=True)
class BadDay:
    """A day with its overall score, the score of each job, and who influenced it most."""

    timestamp_ms: int
    score: float
    jobs: dict[str, float]
    influencers: list[str]

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
    with Elasticsearch(url, request_timeout=120) as client, warnings.catch_warnings():
        # Posting data directly is deprecated in Elasticsearch, and says so at every call.
        warnings.simplefilter("ignore", ElasticsearchWarning)
        with _progress(console) as progress:
            index_flights(client, progress)
            make_jobs(client)
            feed_jobs(client, progress)
        days = worst_days(client)
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
    """The jobs, new and open; those of an earlier demo go."""
    for job_id, config in JOBS.items():
        with suppress(NotFoundError):
            client.ml.delete_job(job_id=job_id, force=True)
        client.ml.put_job(job_id=job_id, **config)
        client.ml.open_job(job_id=job_id)


def feed_jobs(client: Elasticsearch, progress: Progress) -> None:
    """Posts every flight, in the order of time, to each job, and closes the jobs."""
    bars = {job_id: progress.add_task(f"job {job_id}", total=TOTAL) for job_id in JOBS}
    posted = 0
    for flights in flights_by_time(client):
        for job_id, bar in bars.items():
            post_exactly_once(client, job_id, flights, posted)
            progress.advance(bar, len(flights))
        posted += len(flights)
    for job_id in JOBS:
        patiently(partial(client.ml.close_job, job_id=job_id))


def post_exactly_once(client: Elasticsearch, job_id: str, flights: list[Flight], posted: int) -> None:
    """Posts a page; where the answer is lost, the job's own count tells whether the page was taken."""

    def step() -> None:
        try:
            client.options(max_retries=0).ml.post_data(job_id=job_id, data=flights)
        except (ProxyUnreachable, ConnectionTimeout):
            if patiently(lambda: taken_by(client, job_id)) == posted:
                raise

    patiently(step)


def taken_by(client: Elasticsearch, job_id: str) -> int:
    counts = client.ml.get_job_stats(job_id=job_id)["jobs"][0]["data_counts"]
    return int(counts["input_record_count"])


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
        time.sleep(0.5)


def flights_by_time(client: Elasticsearch) -> Iterator[list[Flight]]:
    """Pages of all flights, earliest first."""
    after: list[Any] | None = None
    pit = client.open_point_in_time(index=INDEX, keep_alive="5m")["id"]
    try:
        while True:
            page = client.search(
                pit={"id": pit, "keep_alive": "5m"}, size=_PAGE, source={"includes": FIELDS}, track_total_hits=False,
                sort=[{"@timestamp": "asc"}, {"_shard_doc": "asc"}], search_after=after,
            )  # fmt: skip
            hits = page["hits"]["hits"]
            if not hits:
                return
            yield [hit["_source"] for hit in hits]
            pit, after = page["pit_id"], hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def worst_days(client: Elasticsearch) -> list[BadDay]:
    """The days with the highest overall scores, worst first."""
    answer = client.ml.get_overall_buckets(job_id=GROUP, top_n=_TOP_N, overall_score=1)
    worst = sorted(answer["overall_buckets"], key=lambda bucket: -bucket["overall_score"])
    return [_bad_day(client, bucket) for bucket in islice(worst, _WORST_DAYS)]


def _bad_day(client: Elasticsearch, bucket: dict[str, Any]) -> BadDay:
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
    return BadDay(start, bucket["overall_score"], scores, strongest)


def print_days(days: list[BadDay], url: str, console: Console) -> None:
    table = Table(title="The worst days of 2013 at New York's airports", title_justify="left")
    table.add_column("day")
    for name in ("score", *(job.removeprefix("flights-") for job in JOBS)):
        table.add_column(name, justify="right")
    table.add_column("top influencers")
    for day in days:
        scores = [f"{day.jobs.get(job, 0):.0f}" for job in JOBS]
        table.add_row(day.date, f"{day.score:.0f}", *scores, ", ".join(day.influencers))
    console.print(table)
    console.print("Each line comes from one call:")
    for day in days:
        start, end = day.hours
        query = f"top_n={_TOP_N}&start={start}&end={end}"
        console.print(f"  curl '{url}/_ml/anomaly_detectors/{GROUP}/results/overall_buckets?{query}&pretty'",
                      soft_wrap=True, highlight=False)  # fmt: skip
