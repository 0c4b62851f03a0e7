"""Why a datafeed that should run does not: the `assignment_explanation` of its statistics."""

from __future__ import annotations

AWAITS_JOB = "datafeed awaiting job assignment."
AWAITS_RELOCATION = "datafeed awaiting job relocation."
UPGRADE_MODE = "persistent task cannot be assigned while upgrade mode is enabled."


def job_has_state(datafeed_id: str, job_id: str, state: str) -> str:
    return (
        f"cannot start datafeed [{datafeed_id}], because the job's [{job_id}] state is [{state}] "
        "while state [opened] is required"
    )


def job_state_is_stale(datafeed_id: str, job_id: str) -> str:
    return f"cannot start datafeed [{datafeed_id}], because the job's [{job_id}] state is stale"
