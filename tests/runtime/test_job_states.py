"""The table of a job's life: every state with every action, every way between two states, and what is saved."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from proxy.runtime.job_entries import Entries
from proxy.runtime.job_states import (
    AFTER_RESTART,
    BLOCKED,
    STATE_OF_BLOCK,
    STATES,
    Action,
    Asked,
    IllegalTransition,
    Life,
    State,
    check,
    refusal,
    with_block,
)
from proxy.store.job_tasks import JobTask, TaskState
from proxy.store.jobs import BlockReason

NOT_OPEN = "Cannot perform requested action because job [j] is not open"
OPEN_ALREADY = "Cannot open job [j] because it has already been opened"
RESET_CLOSED = "Can only reset a job when it is closed."
REVERT_CLOSED = "Can only revert to a model snapshot when the job is closed."


def delete_of(state: str) -> str:
    return f"Cannot delete job [j] because the job is {state}"


def executing(block: str) -> str:
    return f"Cannot open job [j] because it is executing [{block}]"


def reset_blocked(block: str) -> str:
    return f"cannot reset job while it is blocked with [{block}]"


def revert_blocked(block: str) -> str:
    return f"cannot revert job [j] to snapshot [s] while it is blocked with [{block}]"


# A line each state: what open, post, flush, forecast, close, delete, reset, revert and update are told; None is yes.
ACTIONS = get_args(Action)
ANSWERS: dict[State, tuple[str | None, ...]] = {
    "closed": (None, NOT_OPEN, NOT_OPEN, NOT_OPEN, None, None, None, None, None),
    "waiting": (
        OPEN_ALREADY, NOT_OPEN, NOT_OPEN, NOT_OPEN, None, delete_of("opening"), RESET_CLOSED, REVERT_CLOSED, None,
    ),
    "opening": (OPEN_ALREADY, None, None, None, None, delete_of("opening"), RESET_CLOSED, REVERT_CLOSED, None),
    "opened": (OPEN_ALREADY, None, None, None, None, delete_of("opened"), RESET_CLOSED, REVERT_CLOSED, None),
    "closing": (
        OPEN_ALREADY, NOT_OPEN, NOT_OPEN, NOT_OPEN, None, delete_of("closing"), RESET_CLOSED, REVERT_CLOSED, None,
    ),
    "failed": (
        OPEN_ALREADY, None, NOT_OPEN, NOT_OPEN, "cannot close job [j] because it failed, use force close",
        delete_of("failed"), RESET_CLOSED, REVERT_CLOSED, None,
    ),
    "deleting": (
        executing("delete"), NOT_OPEN, NOT_OPEN, NOT_OPEN, None, None,
        reset_blocked("delete"), revert_blocked("delete"), None,
    ),
    "resetting": (
        executing("reset"), NOT_OPEN, NOT_OPEN, NOT_OPEN, None, None, None, revert_blocked("reset"), None,
    ),
    "reverting": (
        executing("revert"), NOT_OPEN, NOT_OPEN, NOT_OPEN, None, None, reset_blocked("revert"), None, None,
    ),
}  # fmt: skip
WAYS: set[tuple[State, State]] = {
    ("closed", "waiting"), ("closed", "opening"), ("closed", "deleting"), ("closed", "resetting"),
    ("closed", "reverting"),
    ("waiting", "opening"), ("waiting", "closed"), ("waiting", "deleting"),
    ("opening", "waiting"), ("opening", "opened"), ("opening", "closed"), ("opening", "failed"),
    ("opening", "deleting"),
    ("opened", "closing"), ("opened", "failed"), ("opened", "deleting"),
    ("closing", "closed"), ("closing", "opened"), ("closing", "failed"), ("closing", "deleting"),
    ("failed", "opening"), ("failed", "closed"), ("failed", "deleting"),
    ("deleting", "closed"), ("resetting", "closed"), ("reverting", "closed"),
}  # fmt: skip


def test_every_state_answers_every_action() -> None:
    told = {state: tuple(reason(state, action) for action in ACTIONS) for state in get_args(State)}
    assert told == ANSWERS


def reason(state: State, action: Action) -> str | None:
    error = refusal(action, Asked("j", state, "s"))
    assert error is None or (error.type, error.status) == ("status_exception", 409)
    return None if error is None else error.reason


def test_force_deletes_what_is_open_and_closes_what_failed_and_nothing_else() -> None:
    yielding = {
        (state, action)
        for state, action in product(get_args(State), ACTIONS)
        if reason(state, action) is not None and refusal(action, Asked("j", state, "s"), force=True) is None
    }
    not_closed = ("waiting", "opening", "opened", "closing", "failed")
    assert yielding == {("failed", "close"), *((state, "delete") for state in not_closed)}


def test_a_check_raises_what_the_table_says() -> None:
    check("post", Asked("j", "failed"))
    with pytest.raises(Exception, match="is not open"):
        check("flush", Asked("j", "failed"))


@pytest.mark.parametrize("start", get_args(State))
def test_a_job_goes_only_where_its_state_leads(start: State) -> None:
    for end in get_args(State):
        life = Life("j", start)
        if (start, end) in WAYS:
            life.move(end, 5, "test")
            assert life.state == end
        else:
            with pytest.raises(IllegalTransition):
                life.move(end, 5, "test")
            assert life.state == start


def test_every_state_can_be_left_for_closed_and_reached_from_there() -> None:
    assert reachable("closed") == set(get_args(State))
    assert all("closed" in reachable(state) for state in get_args(State))


def reachable(start: State) -> set[State]:
    seen, left = {start}, [start]
    while left:
        fresh = STATES[left.pop()].to - seen
        seen |= fresh
        left.extend(fresh)
    return seen


def test_an_illegal_step_is_told_with_the_steps_before() -> None:
    life = Life("j")
    for at_ms, state in enumerate(("opening", "opened", "closing", "closed")):
        life.move(state, at_ms, f"for {state}")
    with pytest.raises(IllegalTransition) as caught:
        life.move("opened", 9, "a stray answer")
    assert str(caught.value) == (
        "job [j] cannot go from [closed] to [opened] for [a stray answer]; its steps: "
        "0 opening (for opening); 1 opened (for opened); 2 closing (for closing); 3 closed (for closed)"
    )


def test_only_the_last_steps_are_remembered() -> None:
    life = Life("j")
    for turn in range(500):
        life.move("opening" if turn % 2 == 0 else "closed", turn, "again")
    assert [step.at_ms for step in life.story] == list(range(480, 500))


def test_what_is_saved_is_what_a_restart_needs() -> None:
    saved = {state: rules.saved for state, rules in STATES.items() if rules.saved is not None}
    assert saved == {
        "waiting": "opening", "opening": "opening", "opened": "opened", "closing": "closing", "failed": "failed",
    }  # fmt: skip
    assert set(AFTER_RESTART) == set(get_args(TaskState)) == set(saved.values())
    assert AFTER_RESTART["failed"] == "failed"
    assert {AFTER_RESTART[task] for task in get_args(TaskState) if task != "failed"} == {"opening"}


def test_clients_see_five_states_and_blocked_jobs_as_closed() -> None:
    assert {rules.shown for rules in STATES.values()} == {"closed", "opening", "opened", "closing", "failed"}
    assert {STATES[state].shown for state in BLOCKED} == {"closed"}
    assert STATES["waiting"].shown == "opening"


def test_a_block_in_the_document_counts_where_nothing_runs() -> None:
    assert {block: with_block("closed", block) for block in get_args(BlockReason)} == STATE_OF_BLOCK
    assert with_block("opened", "delete") == "opened"
    assert with_block("closed", None) == "closed"


# The entries: one dictionary of lives.


def task(job_id: str, state: TaskState) -> JobTask:
    return JobTask(job_id, state, epoch=1, opened_at=1, reason=None, seq_no=0, primary_term=1)


def test_only_jobs_that_are_not_closed_have_an_entry() -> None:
    entries = Entries(lambda: 7)
    assert entries.state("j") == "closed"
    entries.move("j", "opening", "test")
    assert (entries.state("j"), entries.ids(), entries.kept(beside="").jobs) == ("opening", ["j"], 1)
    assert entries.kept(beside="j").jobs == 0
    entries.move("j", "closed", "test")
    assert (entries.get("j"), entries.ids()) == (None, [])


def test_jobs_wait_in_the_order_of_their_asking_and_take_no_room() -> None:
    entries = Entries(lambda: 7)
    for job_id in ("b", "a", "c"):
        entries.move(job_id, "waiting", "no room")
    assert [entry.job_id for entry in entries.waiting()] == ["b", "a", "c"]
    assert entries.kept(beside="").jobs == 0


def test_a_restart_opens_what_was_open_and_remembers_what_failed() -> None:
    entries = Entries(lambda: 7)
    states = {saved: entries.adopt(task(saved, saved)).state for saved in get_args(TaskState)}
    assert states == {"opening": "opening", "opened": "opening", "closing": "opening", "failed": "failed"}
    assert entries.kept(beside="").jobs == 3


def test_a_way_that_is_refused_leaves_no_entry() -> None:
    entries = Entries(lambda: 7)
    with pytest.raises(IllegalTransition):
        entries.move("j", "opened", "out of the blue")
    assert entries.get("j") is None
