"""State and journal entries whose job or snapshot is gone: which they are, and their removal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from proxy.store import Store
from proxy.store.jobs import StoredJob
from proxy.store.orphans import State
from proxy.store.removal import Pace

# The model of a snapshot is stored before the snapshot itself is.
_YOUNG_S = 86_400


async def remove_orphans(store: Store, pace: Pace, now_ms: int) -> None:
    """What was found is asked about afterwards: a job that came into being meanwhile keeps all that it has."""
    states, journalled = await store.orphans.states(), await store.orphans.journalled()
    jobs = {job.job_id: job for job in await store.jobs.resolve(None)}
    gone = await _gone(store, {*(state.job_id for state in states), *journalled} - jobs.keys())
    of_nobody = [state for state in states if state.job_id in gone]
    await store.orphans.remove_states(of_nobody, pace)
    for job_id in gone.intersection(journalled):
        await store.journal.forget(job_id)
    await _remove_lost_models(store, [state for state in states if state.job_id in jobs], jobs, pace, now_ms)
    await store.orphans.remove_empty_indices()


async def _gone(store: Store, job_ids: Iterable[str]) -> set[str]:
    """Asked one by one, because one listing does not hold more jobs than a cluster may have."""
    return {job_id for job_id in job_ids if not await store.jobs.exists(job_id)}


async def _remove_lost_models(
    store: Store, states: list[State], jobs: Mapping[str, StoredJob], pace: Pace, now_ms: int
) -> None:
    by_job: dict[str, list[State]] = {}
    for state in states:
        if state.snapshot_id is not None:
            by_job.setdefault(state.job_id, []).append(state)
    for job_id, models in by_job.items():
        kept = {str(hit.source["snapshot_id"]) for hit in await store.snapshots.all(job_id)}
        # Where no snapshot is found, its index rather than all models may be what is missing.
        if kept:
            active_id = jobs[job_id].config.get("model_snapshot_id")
            await store.orphans.remove_states(lost_models(models, {*kept, active_id}, now_ms), pace)


def lost_models(models: Iterable[State], kept: Collection[object], now_ms: int) -> list[State]:
    """The models of snapshots that are not kept, but for young ones: these may still be announced.

    The id of a snapshot is its time in epoch seconds; one with another id is left alone.
    """
    young_s = now_ms // 1000 - _YOUNG_S
    return [
        model
        for model in models
        if model.snapshot_id is not None
        and model.snapshot_id not in kept
        and model.snapshot_id.isdecimal()
        and int(model.snapshot_id) < young_s
    ]
