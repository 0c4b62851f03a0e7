"""What each command does to a job that the place holds. New commands are registered with ``performs``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from proxy.runtime.place import commands, feeding, saving
from proxy.runtime.place.commands import Command
from proxy.runtime.place.job import PlacedJob
from proxy.runtime.place.summary import Summary
from proxy.store.journal import JournalGone

Performer = Callable[[PlacedJob, Any], Awaitable[Summary]]
Registered = TypeVar("Registered", bound=Performer)
PERFORMERS: dict[type[Command], Performer] = {}


def performs(command: type[Command]) -> Callable[[Registered], Registered]:
    """Registers the coroutine function that performs a kind of command."""

    def register(performer: Registered) -> Registered:
        PERFORMERS[command] = performer
        return performer

    return register


@performs(commands.Post)
async def _post(job: PlacedJob, command: commands.Post) -> Summary:
    await saving.save_before_journal(job, command.now_ms)
    await _journalled(
        job, partial(job.post, command.body, command.replaces, command.post_id, command.now_ms), command.now_ms
    )
    return job.summary()


@performs(commands.Flush)
async def _flush(job: PlacedJob, command: commands.Flush) -> Summary:
    await saving.save_before_journal(job, command.now_ms)
    await _journalled(job, partial(job.flush, command.options, command.now_ms), command.now_ms)
    return job.summary()


async def _journalled(job: PlacedJob, step: Callable[[], Awaitable[None]], now_ms: int) -> None:
    """Takes a step that begins with its journal entry; where the journal is gone, upon a new one."""
    try:
        await step()
    except JournalGone:
        await saving.save(job, now_ms)
        await step()


@performs(commands.Forecast)
async def _forecast(job: PlacedJob, command: commands.Forecast) -> Summary:
    await job.foretelling.begin(command.order, command.now_ms)
    return job.summary()


@performs(commands.Update)
async def _update(job: PlacedJob, command: commands.Update) -> Summary:
    await job.update(command.inputs)
    return job.summary()


@performs(commands.Beat)
async def _beat(job: PlacedJob, command: commands.Beat) -> Summary:
    await saving.beat(job, command.save_every_ms, command.now_ms)
    return job.summary()


@performs(commands.Save)
async def _save(job: PlacedJob, command: commands.Save) -> Summary:
    if command.is_lost and not job.is_untouched:
        job.tell("warning", "The index of the journal was gone; the model has been saved anew")
        await saving.save(job, command.now_ms)
    elif job.unsaved is not None:
        await saving.save(job, command.now_ms)
    return job.summary()


@performs(commands.Leave)
async def _leave(job: PlacedJob, command: commands.Leave) -> Summary:
    await job.foretelling.settle()
    if job.unsaved is not None or not job.outbox.is_empty():
        await saving.save(job, command.now_ms)
    return job.summary()


@performs(commands.CopyModel)
async def _copy_model(job: PlacedJob, command: commands.CopyModel) -> Summary:
    return await saving.copy_model(job, command.now_ms)


@performs(commands.StoreCopy)
async def _store_copy(job: PlacedJob, command: commands.StoreCopy) -> Summary:
    return await saving.store_copy(job, command.snapshot_id)


@performs(commands.Announce)
async def _announce(job: PlacedJob, command: commands.Announce) -> Summary:
    await saving.announce(job, command.snapshot)
    return job.summary()


@performs(commands.Close)
async def _close(job: PlacedJob, command: commands.Close) -> Summary:
    return await saving.close(job, command.now_ms)


@performs(commands.DropJournal)
async def _drop_journal(job: PlacedJob, command: commands.DropJournal) -> Summary:
    await job.store.journal.clear(job.job_id)
    return Summary()


@performs(commands.Report)
async def _report(job: PlacedJob, command: commands.Report) -> Summary:
    return job.summary()


@performs(commands.Feed)
async def _feed(job: PlacedJob, command: commands.Feed) -> Summary:
    return await feeding.feed(job, command)


@performs(commands.EndFeed)
async def _end_feed(job: PlacedJob, command: commands.EndFeed) -> Summary:
    await feeding.end(job, command.now_ms)
    return job.summary()


@performs(commands.ForgetFeed)
async def _forget_feed(job: PlacedJob, command: commands.ForgetFeed) -> Summary:
    await feeding.forget(job)
    return job.summary()


@performs(commands.CutFeed)
async def _cut_feed(job: PlacedJob, command: commands.CutFeed) -> Summary:
    if job.feeding is not None:
        job.feeding.cut()
    return Summary()


@performs(commands.CutShort)
async def _cut_short(job: PlacedJob, command: commands.CutShort) -> Summary:
    job.cut_short()
    return Summary()


@performs(commands.CheckFeed)
async def _check_feed(job: PlacedJob, command: commands.CheckFeed) -> Summary:
    return await feeding.check(job, command)
