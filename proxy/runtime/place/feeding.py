"""A datafeed where the model of its job lives: pages of its source go to the model as they come.

Nothing is journalled: the source can be read again. The model is saved together with the progress, so that a restart
reads on from exactly there, which is why a run saves its model before its first page. What to do next is decided by the
plan (``runtime.datafeeds``), which is asked elsewhere.
"""

from __future__ import annotations

import asyncio

from proxy.errors import MlError
from proxy.runtime.datafeeds import delayed_data
from proxy.runtime.datafeeds.actions import (
    Checked,
    CutShort,
    ExtractionFailed,
    Flushed,
    Outcome,
    Search,
)
from proxy.runtime.datafeeds.progress import Progress, read_on
from proxy.runtime.datafeeds.timing import SearchTiming
from proxy.runtime.documents import index_lines
from proxy.runtime.extraction.reading import Extracted
from proxy.runtime.place import saving
from proxy.runtime.place.commands import CheckFeed, Feed, FeedRun
from proxy.runtime.place.fed_source import FedSource
from proxy.runtime.place.job import PlacedJob
from proxy.runtime.place.summary import Summary
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.summary import counts
from proxy.store.results import ids as result_ids

# How long one command may take before the job's other commands get their turn.
_STEP_S = 1.0


async def feed(job: PlacedJob, command: Feed) -> Summary:
    """
    Raises:
        MlError: 503 where the cluster does not take the model with which a run begins.
    """
    feeding = await _feeding(job, command.run)
    former, job.progress = job.progress, command.progress
    outcome: Outcome | None
    rows_before = job.unsaved_rows
    try:
        if former is None or former.run_ms != command.progress.run_ms:
            await _begin(job, feeding, command, former)
        if isinstance(command.action, Search):
            outcome = await _search(job, feeding, command.action, command)
        else:
            await job.move_on({"skip_to": command.action.to_ms // 1000}, command.now_ms)
            await job.send()
            await saving.save(job, command.now_ms)
            outcome = Flushed(job.status.last_finalized_bucket_end_ms)
    except ExtractionError as error:
        await feeding.forget_source()
        outcome = ExtractionFailed(error.cause)
    except BaseException:
        await feeding.let_go()
        raise
    if job.unsaved_rows != rows_before or not job.outbox.is_empty():
        await job.send()
    await saving.save_if_due(job, command.save_every_ms, command.now_ms)
    return job.summary(outcome=outcome, search_timing=feeding.timing.document(job.job_id))


async def _begin(job: PlacedJob, feeding: FedSource, command: Feed, former: Progress | None) -> None:
    """What is stored of the job until now must be its past, or it would be counted again after a restart.

    Meanwhile the first page is on its way. Where the model is not saved, the run has not begun.
    """
    try:
        if isinstance(command.action, Search):
            await feeding.look_ahead(command.action)
    finally:
        try:
            await saving.save(job, command.now_ms)
        except BaseException:
            job.progress = former
            raise


async def _feeding(job: PlacedJob, run: FeedRun) -> FedSource:
    if job.feeding is None or job.feeding.run.run_ms != run.run_ms:
        stored = (await job.store.datafeed_stats.read([job.job_id])).get(job.job_id)
        job.feeding = FedSource(job.store, job.inputs.configuration, run, SearchTiming.of(stored))
    return job.feeding


async def _search(job: PlacedJob, feeding: FedSource, search: Search, command: Feed) -> Outcome | None:
    """Reads on for as long as a step may take; None where there is more to read."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _STEP_S
    buckets_before = job.status.data_counts["bucket_count"]
    try:
        while True:
            page = await _page_or_cut(feeding, search)
            if isinstance(page, CutShort):
                return page
            is_last = page is None or page.read_to_ms >= search.end_ms
            await _learn(job, feeding, command, search, page, is_last=is_last)
            if is_last:
                await feeding.let_go()
                return Flushed(job.status.last_finalized_bucket_end_ms)
            if loop.time() > until:
                return None
    finally:
        _measure(job, feeding, job.status.data_counts["bucket_count"] - buckets_before)


async def _learn(
    job: PlacedJob, feeding: FedSource, command: Feed, search: Search, page: Extracted | None, *, is_last: bool
) -> None:
    """Has a page analysed, and behind the last one whatever time that brings."""
    assert job.progress is not None
    rows = 0 if page is None else len(page.ingested.batch.time)
    progress = job.progress if page is None else read_on(job.progress, search, page.read_to_ms, rows)
    flush = {"calc_interim": True, "advance_to": _second(search.advance_to_ms)}
    has_flush = is_last and feeding.changes_by_flush(search, progress, job.model.bucket_span_ms)
    if page is not None and rows and has_flush:
        await job.learn_last(page.ingested, flush, progress, command.now_ms)
        return
    if page is not None and rows:
        await job.learn(page.ingested, command.now_ms)
    job.progress = progress
    if has_flush:
        await job.move_on(flush, command.now_ms)


async def _page_or_cut(feeding: FedSource, search: Search) -> Extracted | CutShort | None:
    try:
        return await feeding.next_page(search)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        await feeding.let_go()
        return CutShort()


def _second(moment_ms: int | None) -> int | None:
    return None if moment_ms is None else moment_ms // 1000


def _measure(job: PlacedJob, feeding: FedSource, buckets: int) -> None:
    """Counts the searches of a step, and has the figures stored where they have become others."""
    searches, took_ms = feeding.searcher.taken()
    assert job.progress is not None
    feeding.timing.add(searches, took_ms, buckets, job.progress.read_up_to_ms)
    if feeding.timing.is_worth_storing():
        _store_timing(job, feeding)


def _store_timing(job: PlacedJob, feeding: FedSource) -> None:
    document = (result_ids.datafeed_timing_stats(job.job_id), feeding.timing.stored(job.job_id))
    job.outbox.put(index_lines(job.inputs.write_alias, iter([document])))


async def end(job: PlacedJob, now_ms: int) -> None:
    """
    Raises:
        MlError: 503 where the cluster does not take the model.
    """
    feeding, job.feeding = job.feeding, None
    if feeding is not None:
        await feeding.let_go()
        if not feeding.timing.is_stored:
            _store_timing(job, feeding)
        await job.outbox.try_send()
    if job.unsaved_rows:
        await saving.save(job, now_ms)


async def forget(job: PlacedJob) -> None:
    """Leaves nothing of the datafeed's statistics that could be written later."""
    feeding, job.feeding = job.feeding, None
    if feeding is not None:
        await feeding.let_go()
    await job.outbox.settle()
    job.outbox.take_out(job.inputs.write_alias, result_ids.datafeed_timing_stats(job.job_id))


async def check(job: PlacedJob, command: CheckFeed) -> Summary:
    """Whether documents came too late to be read."""
    feeding = await _feeding(job, command.run)
    start_ms, end_ms = command.check.start_ms, command.check.end_ms
    span_ms = job.model.bucket_span_ms
    outcome: Outcome
    try:
        analysed = await job.store.finished_buckets.event_counts(job.job_id, start_ms, end_ms)
        indexed = await counts(feeding.searcher, feeding.source, start_ms, end_ms, span_ms)
        outcome = Checked(delayed_data.missed(analysed, indexed))
    except ExtractionError as error:
        outcome = ExtractionFailed(error.cause)
    except MlError as error:
        outcome = ExtractionFailed(error.reason)
    return Summary(outcome=outcome)
