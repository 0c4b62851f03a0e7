"""Where a run of a datafeed begins: at its start, or where the job's data end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.runtime.datafeeds.actions import Notify, Stop
from proxy.runtime.datafeeds.progress import Progress, stopping
from proxy.runtime.datafeeds.settings import Settings
from proxy.units import iso


@dataclass(frozen=True, slots=True)
class JobData:
    """What a job holds already; None where it has none."""

    last_finalized_bucket_end_ms: int | None = None
    latest_record_ms: int | None = None
    processed_records: int = 0


def next_unread_ms(job: JobData) -> int | None:
    """The first moment that a job has not seen; None for a job without data."""
    known = [job.last_finalized_bucket_end_ms or 0, 0 if job.latest_record_ms is None else job.latest_record_ms + 1]
    return max(known) or None


def begin(settings: Settings, job: JobData, now_ms: int) -> Progress:
    """The progress of a run that starts now."""
    unread_ms = next_unread_ms(job)
    progress = Progress(
        run_ms=now_ms,
        phase="lookback",
        read_up_to_ms=settings.first_ms(settings.start_ms),
        lookback_end_ms=_lookback_end_ms(settings, now_ms),
        has_ever_seen_data=job.processed_records > 0,
        last_finalized_ms=job.last_finalized_bucket_end_ms,
    )
    if unread_ms is None:
        return begin_reading(settings, progress)
    if unread_ms > settings.start_ms:
        return begin_reading(settings, replace(progress, read_up_to_ms=settings.first_ms(unread_ms)))
    return replace(progress, phase="skip")


def _lookback_end_ms(settings: Settings, now_ms: int) -> int:
    """An end that has passed is believed: whoever names it knows that the data are there."""
    if settings.end_ms is not None and settings.end_ms <= now_ms:
        return settings.last_ms(settings.end_ms)
    arrived_ms = now_ms - settings.query_delay_ms
    return settings.last_ms(arrived_ms if settings.end_ms is None else min(arrived_ms, settings.end_ms))


def begin_reading(settings: Settings, progress: Progress) -> Progress:
    """The phase that starts where the progress stands."""
    last_end_ms = settings.last_end_ms
    if last_end_ms is not None and progress.read_up_to_ms >= last_end_ms:
        return stopping(progress, Stop("end_reached", close_job=True))
    if progress.lookback_end_ms <= progress.read_up_to_ms:
        return replace(progress, phase="real_time").telling(Notify("info", "Datafeed started in real-time"))
    until = "real-time" if settings.end_ms is None else iso(settings.end_ms)
    text = (
        f"Datafeed started (from: {iso(progress.read_up_to_ms)} to: {until}) with frequency [{settings.frequency_ms}ms]"
    )
    return replace(progress, phase="lookback").telling(Notify("info", text))
