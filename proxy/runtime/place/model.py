"""A job's model as a place holds it: engine, counters, and the making of documents.

Pure computing: nothing here talks to the cluster or knows the time. Long work comes as iterators of bounded steps.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, cast

from proxy.engine import Forecast, ForecastRefused, JobEngine, Results, StateError
from proxy.engine.results import Document
from proxy.errors import status_error
from proxy.java_regex import InvalidPattern, UnsupportedPattern
from proxy.job_config import types
from proxy.job_config.engine_spec import spec_from
from proxy.runtime import documents
from proxy.runtime.answered_posts import AnsweredPosts
from proxy.runtime.batch_codec import encode_batch
from proxy.runtime.categorizer_reports import CategorizerReports, stats_documents, status_annotation
from proxy.runtime.counts import DataCounts, TimingStats
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.ingest import Ingested, fields_of, ingest
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place.pace import Pace, slices
from proxy.runtime.place.summary import FinishedBucket, Status
from proxy.runtime.rescoring import Rescoring
from proxy.runtime.saved_model import pack, unpack


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step produced: documents as bulk lines, the counts of its request so far, and the job's new status.

    skipped_buckets: empty ones in a run that is too long.
    rescoring: new scores for results that were written by earlier steps.
    """

    lines: list[bytes]
    counts: dict[str, Any]
    status: Status
    rescoring: Rescoring
    buckets: tuple[FinishedBucket, ...]
    skipped_buckets: int = 0


class JobModel:
    """The model of one job; its methods are called in turn, from whatever thread."""

    def __init__(
        self,
        inputs: JobInputs,
        saved: bytes | None = None,
        counts: Mapping[str, Any] | None = None,
        interim_ids: Sequence[str] = (),
    ) -> None:
        """Goes on from a ``saved`` model, or begins untrained. ``counts`` override those that were saved with it.

        ``interim_ids`` are results that give way to the next bucket, beside those that the model knows.

        Raises:
            MlError: 400 for a model that cannot be read here, or a pattern of the configuration that cannot be run.
        """
        spec = spec_from(types.job(inputs.configuration))
        header, learnt = unpack(saved) if saved else ({}, None)
        self._inputs = inputs
        try:
            self._engine = JobEngine(spec, learnt, filters=inputs.filters, events=inputs.calendar_events)
        except (InvalidPattern, UnsupportedPattern) as error:
            raise status_error(f"[{inputs.job_id}] a categorization pattern cannot be used: {error}", 400) from error
        except StateError as error:
            text = f"[{inputs.job_id}] the stored model cannot be used, reset the job to begin a new one: {error}"
            raise status_error(text, 400) from error
        self._fields = fields_of(inputs.configuration, spec.text_fields, spec.number_fields)
        self._counts = DataCounts(**header["counts"]) if header else DataCounts()
        self._timing = TimingStats(**header["timing"]) if header else TimingStats()
        self._interim_ids = list({*header.get("interim_ids", ()), *interim_ids})
        self._latest_result_ms: int | None = header.get("latest_result_ms")
        self._categorizers = CategorizerReports.from_state(header.get("categorizers", ()))
        self._pace = Pace()
        self.saved_progress: dict[str, Any] | None = header.get("progress")
        self.answered_posts = AnsweredPosts(header.get("answered_posts", ()))
        given = self._counts if counts is None else DataCounts.from_document(dict(counts))
        self.has_other_counts = given != self._counts
        self._counts = given

    @property
    def bucket_span_ms(self) -> int:
        return self._engine.spec.bucket_span * 1000

    # ---- steps

    def read(self, body: bytes, replaces: tuple[int, int] | None, post_id: str) -> tuple[Ingested, bytes]:
        """Posted data as columns, and as what the journal keeps of them.

        Raises:
            MlError: parse_exception for data that is not JSON objects.
        """
        ingested = ingest(body, self._fields)
        ingested.replaces, ingested.post_id = replaces, post_id
        return ingested, encode_batch(ingested)

    def analysing(self, ingested: Ingested, now_ms: int) -> Iterator[Outcome]:
        """Analyses data; the counts are those of the whole request so far."""
        step, analysed, counts = DataCounts(), len(self._fields.analysed), dict[str, Any]()
        sets_earliest = self._counts.earliest_record_timestamp is None
        news: Ingested | None = ingested
        if ingested.replaces is not None:
            self._engine.reset_range(*ingested.replaces)
        for part in slices(ingested.batch):
            for results, took_ms in self._moves(partial(self._engine.add, part)):
                self._counts.last_data_time = step.last_data_time = now_ms
                step.add(news, results, analysed)
                step.log_time = now_ms
                shown = step if sets_earliest else replace(step, earliest_record_timestamp=None)
                outcome = self._outcome(news, results, took_ms, now_ms)
                news = None
                counts = shown.document(self._inputs.job_id)
                yield replace(outcome, counts=counts)
        self.answered_posts.remember(ingested.post_id, counts)

    def flushing(self, options: Mapping[str, Any], now_ms: int) -> Iterator[Outcome]:
        """``options``: see ``commands.Flush``."""
        if self._engine.has_more:
            for results, took_ms in self._moves(self._engine.advance):
                yield self._outcome(None, results, took_ms, now_ms)
        move = partial(self._engine.flush, options.get("advance_to"), options.get("skip_to"))
        for results, took_ms in self._moves(move):
            if self._engine.has_more:
                yield self._outcome(None, results, took_ms, now_ms)
        started = time.perf_counter()
        if options.get("calc_interim"):
            start, end = options.get("start"), options.get("end")
            results.extend(self._engine.flush(calc_interim=True, start=start, end=end))
        results.categories += self._engine.category_updates()
        took_ms += (time.perf_counter() - started) * 1000
        yield self._outcome(None, results, took_ms, now_ms)

    def _moves(self, begin: Callable[..., Results]) -> Iterator[tuple[Results, float]]:
        """What the engine does about one call, a bounded number of buckets at a time, with the milliseconds taken."""
        move = begin
        while True:
            started = time.perf_counter()
            results = move(max_buckets=self._pace.buckets)
            took_s = time.perf_counter() - started
            self._pace.took(took_s, results.bucket_count)
            yield results, took_s * 1000
            if not self._engine.has_more:
                return
            move = self._engine.advance

    def give_up_rest(self) -> None:
        """Leaves time where a step that was cut short has brought it."""
        self._engine.give_up_rest()

    def forecast(self, order: ForecastOrder) -> Forecast:
        """
        Raises:
            ForecastRefused: the model cannot be carried on, or not with so little memory.
        """
        forecast = self._engine.forecast(order.duration_ms // 1000)
        if forecast.memory_bytes > order.max_model_memory:
            raise ForecastRefused(
                "Forecast cannot be executed as forecast memory usage is predicted to exceed "
                f"{order.max_model_memory // 2**20}MB"
            )
        return forecast

    def update(self, inputs: JobInputs) -> None:
        """Takes over changed inputs; what was learnt stays."""
        self._inputs = inputs
        self._engine.update(
            spec_from(types.job(inputs.configuration)), filters=inputs.filters, events=inputs.calendar_events
        )

    def settle(self, now_ms: int) -> tuple[Status, list[bytes]]:
        """What is still to be written before a model is saved: how often categories were matched, their statistics."""
        job_id = self._inputs.job_id
        categories = Results(categories=self._engine.category_updates())
        grown = self._categorizers.grown(self._engine.categorizer_stats())
        latest_ms = self._counts.latest_record_timestamp
        produced = itertools.chain(
            documents.result_documents(job_id, categories, now_ms), stats_documents(job_id, grown, now_ms, latest_ms)
        )
        return self.status(), documents.index_lines(self._inputs.write_alias, produced)

    def packed(self, sequence: int, progress: Mapping[str, Any] | None) -> bytes:
        """The model with its counters; all journal entries before ``sequence`` are in it.

        ``progress`` tells how far it has read the source of a datafeed.
        """
        header = {"counts": asdict(self._counts), "timing": asdict(self._timing), "interim_ids": self._interim_ids,
                  "latest_result_ms": self._latest_result_ms, "categorizers": self._categorizers.state(),
                  "sequence": sequence, "progress": progress,
                  "answered_posts": self.answered_posts.state()}  # fmt: skip
        return pack(header, self._engine.state())

    def status(self) -> Status:
        """What the statistics show."""
        job_id, end = self._inputs.job_id, self._engine.last_finalized_bucket_end
        earliest_ms = self._counts.earliest_record_timestamp
        if end is None and earliest_ms is not None:
            # Before the first bucket is finished, all before it counts as final.
            span = self._engine.spec.bucket_span
            end = earliest_ms // 1000 // span * span
        return Status(
            data_counts=self._counts.document(job_id),
            model_size=self._engine.model_size(),
            timing=self._timing.document(job_id),
            stored_timing=self._timing.stored(job_id),
            last_finalized_bucket_end_ms=None if end is None else end * 1000,
            latest_result_ms=self._latest_result_ms,
        )

    # ---- documents

    def _outcome(self, ingested: Ingested | None, results: Results, took_ms: float, now_ms: int) -> Outcome:
        self._counts.add(ingested, results, len(self._fields.analysed))
        self._counts.log_time = now_ms
        buckets = tuple(_finished(bucket) for bucket in results.buckets)
        finals = [bucket.timestamp_ms for bucket in buckets if not bucket.is_interim]
        if finals:
            self._latest_result_ms = max(finals)
            self._timing.add(len(finals), took_ms, self._latest_result_ms)
            for bucket in results.buckets:
                bucket["processing_time_ms"] = int(took_ms / len(results.buckets))
        rescoring = Rescoring.of(self._inputs.job_id, results.rescored)
        lines, status = self._lines(results, rescoring, now_ms), self.status()
        if self._categorizers.may_have_changed(status.model_size):
            lines += self._categorizer_changes(now_ms)
        return Outcome(lines, {}, status, rescoring, buckets, results.skipped_bucket_count)

    def _lines(self, results: Results, rescoring: Rescoring, now_ms: int) -> list[bytes]:
        produced = rescoring.applied(list(documents.result_documents(self._inputs.job_id, results, now_ms)))
        lines = documents.index_lines(self._inputs.write_alias, iter(produced))
        if results.buckets:
            lines = self._replaced_interim(produced) + lines
        return lines + self._notes(results.annotations, now_ms)

    def _notes(self, annotations: Iterable[Mapping[str, Any]], now_ms: int) -> list[bytes]:
        notes = (documents.annotation_document(self._inputs.job_id, note, now_ms) for note in annotations)
        return documents.index_lines(self._inputs.annotations_alias, notes)

    def _categorizer_changes(self, now_ms: int) -> list[bytes]:
        """Statistics and a note for each partition in which categorization has begun to work, or to fail."""
        latest_ms = self._counts.latest_record_timestamp
        if latest_ms is None:
            return []
        changed = self._categorizers.changed(self._engine.categorizer_stats())
        stats = stats_documents(self._inputs.job_id, changed, now_ms, latest_ms)
        notes = self._notes((status_annotation(one, latest_ms) for one in changed), now_ms)
        return documents.index_lines(self._inputs.write_alias, stats) + notes

    def _replaced_interim(self, produced: Sequence[documents.Line]) -> list[bytes]:
        """Removes what earlier interim results left, before the next results take their place."""
        fresh = {document_id for document_id, _ in produced}
        stale = [document_id for document_id in self._interim_ids if document_id not in fresh]
        self._interim_ids = [document_id for document_id, source in produced if source.get("is_interim")]
        return documents.delete_lines(self._inputs.write_alias, iter(stale))


def _finished(bucket: Document) -> FinishedBucket:
    return FinishedBucket(
        timestamp_ms=cast("int", bucket["timestamp"]),
        anomaly_score=cast("float", bucket["anomaly_score"]),
        event_count=cast("int", bucket["event_count"]),
        is_interim=cast("bool", bucket["is_interim"]),
    )
