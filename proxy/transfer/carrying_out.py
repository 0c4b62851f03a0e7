"""A plan tried out and carried out on a server. What is asked is planned elsewhere; here it is sent and reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from proxy.transfer.plan import Note, Plan, PlannedJob, note
from proxy.transfer.server import Refused, Server
from proxy.transfer.steps import Step
from proxy.transfer.surroundings import against


def tried_out(plan: Plan, server: Server) -> Plan:
    """The dry run: the plan beside what exists, with what the server says of each job and datafeed. Changes nothing.

    Raises:
        Refused: if the server cannot be asked what exists
    """
    beside = against(plan, server.surroundings())
    jobs = (
        each if each.is_blocked() else replace(each, notes=each.notes + _said(each, server)) for each in beside.jobs
    )
    return replace(beside, jobs=tuple(jobs))


def _said(planned: PlannedJob, server: Server) -> tuple[Note, ...]:
    job = {**planned.job, "job_id": planned.job_id}
    try:
        server.call("POST", "/_ml/anomaly_detectors/_validate", job)
    except Refused as refusal:
        return (note("job", "refused", reason=str(refusal)),)
    if planned.datafeed is None or planned.is_blocked("datafeed"):
        return ()
    # A preview knows the datafeed only as a part of what is not there yet.
    datafeed = {key: value for key, value in planned.datafeed.items() if key not in ("datafeed_id", "job_id")}
    try:
        seen = server.call("POST", "/_ml/datafeeds/_preview", {"job_config": job, "datafeed_config": datafeed})
    except Refused as refusal:
        return (note("datafeed", "no_preview", reason=str(refusal)),)
    return () if seen else (note("datafeed", "no_documents"),)


def carried_out(steps: Sequence[Step], server: Server, report: Callable[[str], None]) -> list[str]:
    """Sends each request on its own and reports each; returns what failed or was left for what failed."""
    failed: list[str] = []
    for number, step in enumerate(steps, start=1):
        if step.needs in failed:
            outcome = f"left out: it needs the {step.needs}"
            failed.append(step.does)
        else:
            outcome = _sent(step, server)
            if outcome != "done":
                failed.append(step.does)
        report(f"{number}/{len(steps)} {step.does}: {outcome}")
    return failed


def _sent(step: Step, server: Server) -> str:
    try:
        server.call(step.method, step.path, step.body)
    except Refused as refusal:
        return f"failed: {refusal}"
    return "done"
