"""Why a datafeed that should run does not: the `assignment_explanation` of its statistics."""

from __future__ import annotations

AWAITS_JOB = "datafeed awaiting job assignment."
UPGRADE_MODE = "persistent task cannot be assigned while upgrade mode is enabled."


def job_has_state(datafeed_id: str, job_id: str, state: str) -> str:
    return (
        f"cannot start datafeed [{datafeed_id}], because the job's [{job_id}] state is [{state}] "
        "while state [opened] is required"
    )
