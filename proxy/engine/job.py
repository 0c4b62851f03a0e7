"""JobEngine: the one stateful class. Rows in, documents out, bucket by bucket.

Time is what the rows and the flushes say; nothing here knows what time it is. Feeding the same rows in other
chunks gives the same documents, and a state saved at any point goes on bit-exactly. One row may close any number of
buckets; a caller that must not wait for all of them bounds each call by ``max_buckets`` and goes on with ``advance``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.buckets import Index, summary_counts
from proxy.engine.categories import Categories
from proxy.engine.diagnostics import BucketDiagnostics
from proxy.engine.event_detectors import CircularDetector, GeoDetector, RareDetector
from proxy.engine.findings import BucketView, DetectorModel, Judgement
from proxy.engine.forecast import Forecast
from proxy.engine.forecast import check as check_forecast
from proxy.engine.forecast import make as make_forecast
from proxy.engine.functions import Kind
from proxy.engine.memory import MemoryGuard
from proxy.engine.population_detector import PopulationDetector
from proxy.engine.registry import Prepared
from proxy.engine.results import Batch, Document, Floats, Results
from proxy.engine.rows import OpenRows, RowSet
from proxy.engine.rules import compile_events, compile_rules
from proxy.engine.scoring import BucketFacts, Scorer
from proxy.engine.series_detector import SeriesDetector
from proxy.engine.spec import DetectorSpec, JobSpec
from proxy.engine.state import pack, unpack
from proxy.engine.volume import Volume

Filters = Mapping[str, Sequence[str]]
Events = Sequence[Mapping[str, object]]


_FOREVER = 1 << 62
_WEIGH_EVERY = 64
_PRUNE_EVERY_S = 3600
# Of a longer run of empty buckets none is modelled: a timestamp that is wrong by thousands of years has to end as well.
LONGEST_EMPTY = 1_000_000

_CLASS_OF_KIND: dict[Kind, type[RareDetector | CircularDetector | GeoDetector]] = {
    Kind.RARE: RareDetector,
    Kind.FREQ_RARE: RareDetector,
    Kind.CIRCULAR: CircularDetector,
    Kind.GEO: GeoDetector,
}


def detector_class(
    detector: DetectorSpec,
) -> type[SeriesDetector | PopulationDetector | RareDetector | CircularDetector | GeoDetector]:
    """Which class runs a detector."""
    if detector.kind in _CLASS_OF_KIND:
        return _CLASS_OF_KIND[detector.kind]
    return PopulationDetector if detector.over else SeriesDetector


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of some buckets, their summary counts, and what each detector has made of them."""

    rows: RowSet
    weights: Floats | None
    prepared: list[Prepared]

    def event_count(self, members: Index) -> int:
        return len(members) if self.weights is None else int(self.weights[members].sum())


class JobEngine:
    """One job: its open rows, models, normalisers and clock.

    `filters` (filter id -> items) and `events` (the API's calendar events) are configuration, not state: give
    them again after a restore or through `update`.
    """

    def __init__(
        self, spec: JobSpec, state: bytes | None = None, *, filters: Filters | None = None, events: Events | None = None
    ) -> None:
        self.spec = spec
        self._filters: Filters = filters or {}
        self._calendar = compile_events(list(events or ()), spec.bucket_span)
        self._open = OpenRows(spec.kept_text_fields, spec.number_fields)
        self._categories = Categories(spec.categorization) if spec.categorization else None
        self._memory = MemoryGuard(spec.memory_limit)
        self._weighed = -1
        self._detectors: list[DetectorModel] = [self._make(d) for d in spec.detectors]
        self._scorer = Scorer(spec)
        self._volume = Volume(spec.bucket_span)
        self._diagnostics = BucketDiagnostics()
        self._next_bucket: int | None = None
        self._reference: int | None = None
        self._latest_record: int | None = None
        if state is not None:
            self._restore(unpack(state))

    def _make(self, detector: DetectorSpec) -> DetectorModel:
        rules = compile_rules({"custom_rules": list(detector.rules)}, self._filters)
        return detector_class(detector)(detector, self.spec, rules)

    # ---- data in

    def add(self, batch: Batch, *, max_buckets: int | None = None) -> Results:
        """Takes records; returns the documents of every bucket they closed.

        At most `max_buckets` are finished by this call; the others are left to `advance` where `has_more` says so.
        """
        out = Results()
        accepted = self._accept(batch.time, out)
        if self._categories is not None:
            known = self._categories.model.size
            batch = self._categories.add_to(batch, accepted, room=self._memory.room)
            out.categories.extend(self._categories.model.changed())
            if self._categories.model.size > known:
                self._weigh()
        out.missing_field_count = self._open.append(batch, accepted)
        self._close_before_cutoff(out, max_buckets)
        return out

    @property
    def has_more(self) -> bool:
        """Whether a bounded call has left buckets that no row can belong to any more."""
        return self._next_bucket is not None and self._next_bucket < self._cutoff()

    def advance(self, max_buckets: int | None = None) -> Results:
        """Finishes what a bounded call has left; together they give the documents of the unbounded call."""
        out = Results()
        self._close_before_cutoff(out, max_buckets)
        return out

    def give_up_rest(self) -> None:
        """Leaves time where it is, although a bounded call was to move it further; rows beyond that are forgotten."""
        if not self.has_more:
            return
        assert self._next_bucket is not None, "there is a rest"
        begin = self._next_bucket * self.spec.bucket_span
        self._reference = begin + self.spec.latency
        self._open.drop_between(begin + self.spec.bucket_span, _FOREVER)

    def reset_range(self, start: int, end: int) -> None:
        """Forgets the open rows of a time range (epoch seconds), so that it can be given again."""
        self._open.drop_between(start, end)

    def _accept(self, times: NDArray[np.int64], out: Results) -> NDArray[np.bool_]:
        """Rows not older than the bucket of the latest record so far, less the latency."""
        if not len(times):
            return np.zeros(0, bool)
        span = self.spec.bucket_span
        start = times[0] if self._reference is None else self._reference
        latest = np.maximum.accumulate(np.maximum(times, start))
        floor = latest // span * span - self.spec.latency
        if self._next_bucket is not None:
            floor = np.maximum(floor, self._next_bucket * span)
        accepted = times >= floor
        out.out_of_order = int(np.count_nonzero(~accepted))
        out.processed = len(times) - out.out_of_order
        self._reference = int(latest[-1])
        if out.processed:
            taken = times[accepted]
            newest = int(taken.max())
            self._latest_record = newest if self._latest_record is None else max(newest, self._latest_record)
            out.earliest_record_ms, out.latest_record_ms = int(taken.min()) * 1000, newest * 1000
        return accepted

    def flush(
        self,
        advance_to: int | None = None,
        skip_to: int | None = None,
        *,
        calc_interim: bool = False,
        start: int | None = None,
        end: int | None = None,
        max_buckets: int | None = None,
    ) -> Results:
        """Moves time on (`skip_to` without modelling what lies between) and/or shows the open buckets as interim.

        What was given before time is skipped is modelled all the same: its buckets are finished, up to the last row.
        `start` and `end` limit the interim results; all times in epoch seconds. `max_buckets` is for calls that only
        move time on: see `add`. Before time is skipped, and before interim results, nothing may be left to `advance`.
        """
        out = Results()
        span = self.spec.bucket_span
        skipped = None if skip_to is None else -(-skip_to // span)
        if skipped is not None and (self._reference is None or skipped > self._reference // span):
            self._close_before_cutoff(out)
            self._close_every_row(out)
            self._next_bucket = skipped
            self._reference = skipped * span
        if advance_to is not None and (self._reference is None or advance_to > self._reference):
            self._reference = advance_to
            self._close_before_cutoff(out, max_buckets)
        if calc_interim:
            self._interim(out, start, end)
        return out

    @property
    def last_finalized_bucket_end(self) -> int | None:
        """End of the last finished bucket in epoch seconds; None before the first."""
        return None if self._next_bucket is None else self._next_bucket * self.spec.bucket_span

    # ---- buckets

    def _cutoff(self) -> int:
        """The first bucket that an acceptable row can still belong to."""
        assert self._reference is not None
        span = self.spec.bucket_span
        return (self._reference // span * span - self.spec.latency) // span

    def _close_before_cutoff(self, out: Results, max_buckets: int | None = None) -> None:
        """Finishes every bucket no acceptable row can belong to any more, or the first `max_buckets` of them."""
        if self._reference is None:
            return
        span, until = self.spec.bucket_span, self._cutoff()
        earliest = self._open.earliest()
        if self._next_bucket is None:
            if earliest is None or earliest // span >= until:
                return
            self._next_bucket = earliest // span
        if until <= self._next_bucket:
            return
        end = until
        if until - self._next_bucket > LONGEST_EMPTY:
            first, until = self._stretch(until)
            out.skipped_bucket_count += first - self._next_bucket
            self._next_bucket = first
        if max_buckets is not None:
            until = min(until, self._next_bucket + max_buckets)
        if earliest is not None and earliest < until * span:
            rows = self._open.drop_before(until * span)
        else:
            rows = self._open.none()
        self._finish(rows, self._next_bucket, until, out)
        self._next_bucket = until
        if max_buckets is None and until < end:
            self._close_before_cutoff(out)

    def _stretch(self, until: int) -> tuple[int, int]:
        """The buckets to be finished next, from one to before another; beyond lies a run of too many empty ones.

        Such a run is skipped where it comes first. How far a call goes makes no difference to what is skipped.
        """
        assert self._next_bucket is not None, "there is something to finish"
        span, first = self.spec.bucket_span, self._next_bucket
        edges = np.concatenate(([first - 1], self._open.filled(span, first, until), [until]))
        runs = np.flatnonzero(np.diff(edges) - 1 > LONGEST_EMPTY)
        if len(runs) and runs[0] == 0:
            first, runs = int(edges[1]), runs[1:]
        return first, int(edges[runs[0]]) + 1 if len(runs) else until

    def _close_every_row(self, out: Results) -> None:
        """Finishes the buckets up to that of the last open row, though more rows could belong to them."""
        rows = self._open.drop_before(_FOREVER)
        if not len(rows.time):
            return
        span = self.spec.bucket_span
        first = int(rows.time.min()) // span if self._next_bucket is None else self._next_bucket
        self._finish(rows, first, int(rows.time.max()) // span + 1, out)

    def _finish(self, rows: RowSet, first: int, until: int, out: Results) -> None:
        chunk = self._chunk(rows)
        bucket_of_row = rows.time // self.spec.bucket_span
        order = np.argsort(bucket_of_row, kind="stable")
        edges = np.searchsorted(bucket_of_row[order], np.arange(first, until + 1))
        for bucket in range(first, until):
            members = order[edges[bucket - first] : edges[bucket - first + 1]]
            self._finish_bucket(bucket, chunk, members, out)

    def _chunk(self, rows: RowSet) -> _Chunk:
        field = self.spec.summary_count_field
        weights = None if field is None else summary_counts(rows.numbers[field])
        return _Chunk(rows, weights, [d.prepare(rows, weights) for d in self._detectors])

    def _finish_bucket(self, bucket: int, chunk: _Chunk, members: Index, out: Results) -> None:
        time, count = bucket * self.spec.bucket_span, chunk.event_count(members)
        effect = self._calendar.at(time)
        judgements = {
            d.spec.index: d.step(BucketView(time, bucket, chunk.rows, chunk.weights, p, effect, room=self._memory.room))
            for d, p in zip(self._detectors, chunk.prepared, strict=True)
        }
        self._watch_memory(bucket, judgements)
        self._volume.learn(time, count)
        distinct = self._distinct(chunk.rows, members, judgements)
        self._emit(BucketFacts(time, bucket, count, False, effect.descriptions, distinct), judgements, out)
        self._diagnostics.observe(time, count, out)

    def _watch_memory(self, bucket: int, judgements: dict[int, Judgement]) -> None:
        """Weighs the models when something was added, and forgets about hourly what has not been seen for long."""
        span = self.spec.bucket_span
        self._memory.failures += any(j.refused for j in judgements.values())
        entities = sum(sum(d.entity_counts()) for d in self._detectors)
        if entities != self._weighed or bucket % _WEIGH_EVERY == 0:
            self._weighed = entities
            self._weigh()
        if bucket % max(1, _PRUNE_EVERY_S // span) == 0:
            before = bucket * span - self._memory.unseen_for(self.spec.prune_window)
            for detector in self._detectors:
                detector.prune(before)

    def _weigh(self) -> None:
        categories = 0 if self._categories is None else self._categories.model.nbytes
        self._memory.weigh(categories + sum(d.nbytes() for d in self._detectors))

    def _emit(self, facts: BucketFacts, judgements: dict[int, Judgement], out: Results) -> None:
        for judgement in judgements.values():
            out.model_plots.extend(judgement.plots)
            if self.spec.annotations_enabled:
                out.annotations.extend(judgement.annotations)
        self._scorer.write(facts, judgements, out)

    def _distinct(self, rows: RowSet, members: Index, judgements: dict[int, Judgement]) -> dict[str, int]:
        """How many values each influencer field has in a bucket; nobody asks where nothing was found."""
        if not any(j.findings for j in judgements.values()):
            return {}
        return {
            f: int(np.count_nonzero(np.unique(rows.text[f].codes[members]) >= 0))
            for f in self.spec.influencers
            if f in rows.text
        }

    def _interim(self, out: Results, start: int | None, end: int | None) -> None:
        if self._reference is None:
            return
        span = self.spec.bucket_span
        rows = self._open.rows()
        first = self._next_bucket
        if first is None:
            if not len(rows.time):
                return
            first = int(rows.time.min()) // span
        last = self._reference // span
        chunk = self._chunk(rows)
        for bucket in range(first, last + 1):
            time = bucket * span
            members = np.flatnonzero(rows.time // span == bucket)
            if (start is not None and time < start // span * span) or (end is not None and time >= end):
                continue
            self._interim_bucket(bucket, chunk, members, out)

    def _interim_bucket(self, bucket: int, chunk: _Chunk, members: Index, out: Results) -> None:
        time, count = bucket * self.spec.bucket_span, chunk.event_count(members)
        expected = self._volume.expected(time)
        completeness = min(1.0, count / expected) if expected > 0 else 1.0
        effect = self._calendar.at(time)
        judgements = {
            d.spec.index: d.step(BucketView(time, bucket, chunk.rows, chunk.weights, p, effect, completeness, True))
            for d, p in zip(self._detectors, chunk.prepared, strict=True)
        }
        distinct = self._distinct(chunk.rows, members, judgements)
        self._emit(BucketFacts(time, bucket, count, True, effect.descriptions, distinct), judgements, out)

    # ---- configuration, size, state

    def update(
        self,
        spec: JobSpec | None = None,
        *,
        filters: Filters | None = None,
        events: Events | None = None,
    ) -> None:
        """Takes over a changed configuration, filters or calendar events while running; learnt state stays."""
        if spec is not None:
            self.spec = spec
        if filters is not None:
            self._filters = filters
        if events is not None:
            self._calendar = compile_events(list(events), self.spec.bucket_span)
        for model, detector in zip(self._detectors, self.spec.detectors, strict=True):
            rules = compile_rules({"custom_rules": list(detector.rules)}, self._filters)
            model.configure(detector, self.spec, rules)
        self._scorer.spec = self.spec
        self._memory.limit = self.spec.memory_limit

    def model_size(self) -> Document:
        """The parts of model_size_stats the engine knows."""
        self._weigh()
        by, partitions, over = (sum(d.entity_counts()[i] for d in self._detectors) for i in range(3))
        size: Document = {
            "model_bytes": self._memory.used,
            "peak_model_bytes": self._memory.peak,
            "model_bytes_exceeded": max(0, self._memory.used - self.spec.memory_limit),
            "model_bytes_memory_limit": self.spec.memory_limit,
            "total_by_field_count": by,
            "total_over_field_count": over,
            "total_partition_field_count": partitions,
            "bucket_allocation_failures_count": self._memory.failures,
            "memory_status": self._memory.status,
        }
        return size if self._categories is None else size | self._categories.stats()

    def category_updates(self) -> list[Document]:
        """Definitions of the categories that changed, or were only matched more often, since they were given out."""
        return [] if self._categories is None else self._categories.model.changed(with_counts=True)

    def categorizer_stats(self) -> list[Document]:
        """One set of category counts per partition; empty without a categorization field."""
        return [] if self._categories is None else self._categories.model.stats()

    def forecast(self, duration: int) -> Forecast:
        """Carries every series on for `duration` seconds; raises ForecastRefused with the documented text."""
        end = self.last_finalized_bucket_end
        check_forecast(self.spec.detectors, self._memory.status, end)
        assert end is not None
        series = [d for d in self._detectors if isinstance(d, SeriesDetector)]
        return make_forecast(series, self.spec, end, duration)

    def state(self) -> bytes:
        """Everything learnt, as bytes any later engine of the same version goes on from."""
        return pack(
            {
                "open": self._open.state(),
                "detectors": [d.state() for d in self._detectors],
                "scorer": self._scorer.state(),
                "volume": self._volume.state(),
                "diagnostics": self._diagnostics.state(),
                "clock": [self._next_bucket, self._reference, self._latest_record],
                "memory": [self._memory.used, self._memory.peak, self._memory.failures, self._weighed],
                "categories": None if self._categories is None else self._categories.model.state(),
            }
        )

    def _restore(self, tree: object) -> None:
        assert isinstance(tree, dict)
        self._open.restore(tree["open"])
        for model, state in zip(self._detectors, tree["detectors"], strict=True):
            model.restore(state)
        self._scorer.restore(tree["scorer"])
        self._volume.restore(tree["volume"])
        self._diagnostics.restore(tree["diagnostics"])
        self._next_bucket, self._reference, self._latest_record = tree["clock"]
        self._memory.used, self._memory.peak, self._memory.failures, self._weighed = tree["memory"]
        if self._categories is not None and tree["categories"] is not None:
            self._categories.model.restore(tree["categories"])
