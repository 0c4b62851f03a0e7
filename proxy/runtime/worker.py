"""What runs where a job's model lives: its engine, its counters, and the making of documents.

Functions here are called by a ``JobHost`` with a job id first; their arguments and answers are plain data that
can travel between processes. Nothing here talks to the cluster.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from proxy.engine import Batch, Column, ForecastRefused, JobEngine, JobSpec, Results
from proxy.runtime import documents, forecasting
from proxy.runtime.batch_codec import decode_batch, encode_batch
from proxy.runtime.categorizer_reports import CategorizerReports, stats_documents, status_annotation
from proxy.runtime.counts import DataCounts, TimingStats
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.ingest import Fields, Ingested, fields_of, ingest
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.rescoring import Rescoring
from proxy.runtime.saved_model import pack, unpack

Config = Mapping[str, Any]
# Around a second of work for a model of thousands of series.
_SLICE_ROWS = 20_000


class JobNotLoaded(Exception):
    """The job is not here: the process that held it has been replaced."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the statistics show of a running job."""

    data_counts: dict[str, Any]
    model_size: dict[str, Any]
    timing: dict[str, Any]
    stored_timing: dict[str, Any]
    last_finalized_bucket_end_ms: int | None
    latest_result_ms: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Posted data, read and kept aside under ``token``; ``entry`` is what the journal keeps of it."""

    token: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step produced: documents as bulk lines, the counts of its request so far, and the job's new status.

    ``rescoring`` has new scores for results that were written by earlier steps. Posted data may take several steps;
    the last one ``is_done``.
    """

    lines: list[bytes]
    counts: dict[str, Any]
    status: Status
    rescoring: Rescoring
    is_done: bool = True


@dataclass(slots=True)
class _Waiting:
    """Posted data on their way into the model, the rows analysed so far, and the counts of the whole request."""

    ingested: Ingested
    offset: int = 0
    step: DataCounts = field(default_factory=DataCounts)
    sets_earliest: bool = False


@dataclass(slots=True)
class _Job:
    inputs: JobInputs
    engine: JobEngine
    fields: Fields
    counts: DataCounts
    timing: TimingStats = field(default_factory=TimingStats)
    interim_ids: list[str] = field(default_factory=list)
    waiting: dict[int, _Waiting] = field(default_factory=dict)
    latest_result_ms: int | None = None
    categorizers: CategorizerReports = field(default_factory=CategorizerReports)


_jobs: dict[str, _Job] = {}
_tokens = itertools.count()


def initialise(parent: int) -> None:
    """Prepares a child process: it ends with its parent, and leaves the keyboard's interrupt to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        parent_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the process that wanted these models is gone")


def open_job(
    job_id: str, inputs: JobInputs, state: bytes | None, counts: Config | None = None, interim_ids: Sequence[str] = ()
) -> Status:
    """Loads a job: from ``state``, or with an untrained model. ``counts`` override those in the state.

    ``interim_ids`` are results that give way to the next bucket, beside those that the state knows.
    """
    spec = JobSpec.from_config(inputs.configuration)
    header, learnt = unpack(state) if state else ({}, None)
    engine = JobEngine(spec, learnt, filters=inputs.filters, events=inputs.calendar_events)
    job = _Job(
        inputs=inputs,
        engine=engine,
        fields=fields_of(inputs.configuration, spec.text_fields, spec.number_fields),
        counts=DataCounts(**header["counts"]) if header else DataCounts(),
        timing=TimingStats(**header["timing"]) if header else TimingStats(),
        interim_ids=list({*header.get("interim_ids", ()), *interim_ids}),
        latest_result_ms=header.get("latest_result_ms"),
        categorizers=CategorizerReports.from_state(header.get("categorizers", ())),
    )
    if counts is not None:
        job.counts = DataCounts.from_document(dict(counts))
    _jobs[job_id] = job
    return _status(job)


def read(job_id: str, body: bytes, replaces: tuple[int, int] | None = None) -> Reading:
    """Reads posted data without showing it to the model yet; ``replaces`` is a range of epoch seconds.

    Raises:
        MlError: parse_exception for data that is not JSON objects.
    """
    job = _job(job_id)
    ingested = ingest(body, job.fields)
    ingested.replaces = replaces
    token = next(_tokens)
    job.waiting[token] = _Waiting(ingested)
    return Reading(token, encode_batch(ingested))


def forget(job_id: str, token: int) -> None:
    """Drops data that was read but will not be analysed."""
    _job(job_id).waiting.pop(token, None)


def analyse(job_id: str, token: int, now_ms: int) -> Outcome:
    """Analyses the next slice of data that were read; the counts are those of the whole request so far."""
    job = _job(job_id)
    waiting = job.waiting[token]
    outcome = _analyse(job, waiting, now_ms, rows=_SLICE_ROWS)
    if outcome.is_done:
        del job.waiting[token]
    return outcome


def replay_data(job_id: str, entry: bytes, now_ms: int) -> Outcome:
    """Analyses data again from its journal entry."""
    waiting = _Waiting(decode_batch(entry))
    return _analyse(_job(job_id), waiting, now_ms, rows=max(1, len(waiting.ingested.batch.time)))


def _analyse(job: _Job, waiting: _Waiting, now_ms: int, *, rows: int) -> Outcome:
    started = time.perf_counter()
    ingested, step = waiting.ingested, waiting.step
    is_first = waiting.offset == 0
    if is_first:
        waiting.sets_earliest = job.counts.earliest_record_timestamp is None
        if ingested.replaces is not None:
            job.engine.reset_range(*ingested.replaces)
    results = job.engine.add(_slice(ingested.batch, waiting.offset, rows))
    waiting.offset += rows
    job.counts.last_data_time = step.last_data_time = now_ms
    step.add(ingested if is_first else None, results, len(job.fields.analysed))
    step.log_time = now_ms
    shown = step if waiting.sets_earliest else replace(step, earliest_record_timestamp=None)
    outcome = _outcome(job, ingested if is_first else None, results, started, now_ms)
    is_done = waiting.offset >= len(ingested.batch.time)
    return replace(outcome, counts=shown.document(job.inputs.job_id), is_done=is_done)


def _slice(batch: Batch, start: int, rows: int) -> Batch:
    part = slice(start, start + rows)
    return Batch(
        time=batch.time[part],
        text={name: Column(column.codes[part], column.values) for name, column in batch.text.items()},
        numbers={name: values[part] for name, values in batch.numbers.items()},
    )


def flush(job_id: str, options: Config, now_ms: int) -> Outcome:
    """``options``: advance_to, skip_to, start, end in epoch seconds, and calc_interim."""
    job = _job(job_id)
    started = time.perf_counter()
    results = job.engine.flush(**options)
    results.categories += job.engine.category_updates()
    return _outcome(job, None, results, started, now_ms)


def forecast(job_id: str, order: ForecastOrder, now_ms: int) -> tuple[list[bytes], str | None]:
    """Bulk lines of a forecast, and why it was refused if it was."""
    job, started = _job(job_id), time.perf_counter()
    alias, refusal, lines = job.inputs.write_alias, None, []
    try:
        outcome = job.engine.forecast(order.duration_ms // 1000)
        if outcome.memory_bytes > order.max_model_memory:
            raise ForecastRefused(
                "Forecast cannot be executed as forecast memory usage is predicted to exceed "
                f"{order.max_model_memory // 2**20}MB"
            )
        lines = forecasting.point_lines(alias, job_id, order, outcome)
    except ForecastRefused as error:
        outcome = refusal = str(error)
    stats = forecasting.stats_line(alias, job_id, order, outcome, now_ms=now_ms, started=started)
    return lines + stats, refusal


def update(job_id: str, inputs: JobInputs) -> None:
    """Takes over changed inputs while running."""
    job = _job(job_id)
    job.inputs = inputs
    job.engine.update(inputs.configuration, filters=inputs.filters, events=inputs.calendar_events)


def status(job_id: str) -> Status:
    return _status(_job(job_id))


def settle(job_id: str, now_ms: int) -> tuple[Status, list[bytes]]:
    """What is still to be written before a model is saved: how often categories were matched, and their statistics."""
    job = _job(job_id)
    categories = Results(categories=job.engine.category_updates())
    grown = job.categorizers.grown(job.engine.categorizer_stats())
    latest_ms = job.counts.latest_record_timestamp
    produced = itertools.chain(
        documents.result_documents(job_id, categories), stats_documents(job_id, grown, now_ms, latest_ms)
    )
    return _status(job), documents.index_lines(job.inputs.write_alias, produced)


def save(job_id: str, sequence: int) -> bytes:
    """The model with its counters, as bytes for ``open_job``; all journal entries before ``sequence`` are in it."""
    job = _job(job_id)
    header = {"counts": asdict(job.counts), "timing": asdict(job.timing), "interim_ids": job.interim_ids,
              "latest_result_ms": job.latest_result_ms, "categorizers": job.categorizers.state(),
              "sequence": sequence}  # fmt: skip
    return pack(header, job.engine.state())


def close_job(job_id: str) -> None:
    _jobs.pop(job_id, None)


def _job(job_id: str) -> _Job:
    if job_id not in _jobs:
        raise JobNotLoaded(job_id)
    return _jobs[job_id]


def _outcome(job: _Job, ingested: Ingested | None, results: Results, started: float, now_ms: int) -> Outcome:
    took_ms = (time.perf_counter() - started) * 1000
    job.counts.add(ingested, results, len(job.fields.analysed))
    job.counts.log_time = now_ms
    finals = [bucket["timestamp"] for bucket in results.buckets if not bucket["is_interim"]]
    if finals:
        job.latest_result_ms = max(finals)
        job.timing.add(len(finals), took_ms, job.latest_result_ms)
        for bucket in results.buckets:
            bucket["processing_time_ms"] = int(took_ms / len(results.buckets))
    rescoring = Rescoring.of(job.inputs.job_id, results.rescored)
    lines, status = _lines(job, results, rescoring, now_ms), _status(job)
    if job.categorizers.may_have_changed(status.model_size):
        lines += _categorizer_changes(job, now_ms)
    return Outcome(lines, {}, status, rescoring)


def _lines(job: _Job, results: Results, rescoring: Rescoring, now_ms: int) -> list[bytes]:
    inputs = job.inputs
    produced = rescoring.applied(list(documents.result_documents(inputs.job_id, results)))
    lines = documents.index_lines(inputs.write_alias, iter(produced))
    if results.buckets:
        lines = _replaced_interim(job, produced) + lines
    return lines + _notes(job, results.annotations, now_ms)


def _notes(job: _Job, annotations: Iterable[Mapping[str, Any]], now_ms: int) -> list[bytes]:
    notes = (documents.annotation_document(job.inputs.job_id, note, now_ms) for note in annotations)
    return documents.index_lines(job.inputs.annotations_alias, notes)


def _categorizer_changes(job: _Job, now_ms: int) -> list[bytes]:
    """Statistics and a note for each partition in which categorization has begun to work, or to fail."""
    latest_ms = job.counts.latest_record_timestamp
    if latest_ms is None:
        return []
    changed = job.categorizers.changed(job.engine.categorizer_stats())
    stats = stats_documents(job.inputs.job_id, changed, now_ms, latest_ms)
    notes = _notes(job, (status_annotation(one, latest_ms) for one in changed), now_ms)
    return documents.index_lines(job.inputs.write_alias, stats) + notes


def _replaced_interim(job: _Job, produced: Sequence[documents.Line]) -> list[bytes]:
    """Removes what earlier interim results left, before the next results take their place."""
    fresh = {document_id for document_id, _ in produced}
    stale = [document_id for document_id in job.interim_ids if document_id not in fresh]
    job.interim_ids = [document_id for document_id, source in produced if source.get("is_interim")]
    return documents.delete_lines(job.inputs.write_alias, iter(stale))


def _status(job: _Job) -> Status:
    job_id, end = job.inputs.job_id, job.engine.last_finalized_bucket_end
    earliest_ms = job.counts.earliest_record_timestamp
    if end is None and earliest_ms is not None:
        # Before the first bucket is finished, all before it counts as final.
        span = job.engine.spec.bucket_span
        end = earliest_ms // 1000 // span * span
    return Status(
        data_counts=job.counts.document(job_id),
        model_size=job.engine.model_size(),
        timing=job.timing.document(job_id),
        stored_timing=job.timing.stored(job_id),
        last_finalized_bucket_end_ms=None if end is None else end * 1000,
        latest_result_ms=job.latest_result_ms,
    )
