"""A job's life as one table: its states, the ways between them, and what each of them allows.

All rules about the states of jobs stand here and nowhere else. Nothing here reads, waits or knows the time:
``job_entries`` keeps the states of the jobs that run here, whoever opens and closes moves them. What a restart must
know is kept in ``store.job_tasks`` and, of what blocks a job, in the job's own document.

    closed -> opening -> opened -> closing -> closed        the usual way
    closed -> waiting -> opening                            where there is no room yet
    opening -> waiting                                      where a restart finds that there is still none
    opening, opened, closing -> failed -> opening           what broke, and may be taken up again
    closed -> resetting, reverting -> closed                blocked while what it learnt is changed
    any -> deleting -> closed                               blocked until nothing is left
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxy.errors import MlError, status_error
from proxy.store.job_tasks import TaskState, already_opened
from proxy.store.jobs import BlockReason

State = Literal["closed", "waiting", "opening", "opened", "closing", "failed", "deleting", "resetting", "reverting"]
BlockedState = Literal["deleting", "resetting", "reverting"]
ShownState = Literal["closed", "opening", "opened", "closing", "failed"]
Action = Literal["open", "post", "flush", "forecast", "close", "delete", "reset", "revert", "update"]

STATE_OF_BLOCK: Mapping[BlockReason, BlockedState] = {
    "delete": "deleting",
    "reset": "resetting",
    "revert": "reverting",
}
BLOCKED: frozenset[State] = frozenset(STATE_OF_BLOCK.values())
_BLOCK_OF_STATE: Mapping[State, BlockReason] = {state: reason for reason, state in STATE_OF_BLOCK.items()}
_STEPS_REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a job; ``snapshot_id`` where it is to be reverted."""

    job_id: str
    state: State
    snapshot_id: str = ""

    def told(self, text: str) -> MlError:
        """A 409 whose text may name ``job_id``, ``snapshot_id``, the state as it is ``shown`` and the ``block``."""
        values = {"job_id": self.job_id, "snapshot_id": self.snapshot_id}
        shown, block = STATES[self.state].shown, _BLOCK_OF_STATE.get(self.state, "")
        return status_error(text.format(shown=shown, block=block, **values), 409)


Refusal = Callable[[Asked], MlError]
Refusals = Mapping[Action, Refusal]


@dataclass(frozen=True, slots=True)
class StateRules:
    """One row of the table.

    ``shown`` is the state that clients see, ``saved`` the one in the stored task document (None: there is none),
    ``to`` are the states that may follow. Actions that are not ``refused`` are allowed; those on a job that is opening
    wait for that to end.
    """

    shown: ShownState
    saved: TaskState | None
    to: frozenset[State]
    refused: Refusals


def _text(text: str) -> Refusal:
    return lambda asked: asked.told(text)


_not_open = _text("Cannot perform requested action because job [{job_id}] is not open")
_executing = _text("Cannot open job [{job_id}] because it is executing [{block}]")
_must_fail_to_close = _text("cannot close job [{job_id}] because it failed, use force close")
_blocked_for_reset = _text("cannot reset job while it is blocked with [{block}]")
_blocked_for_revert = _text(
    "cannot revert job [{job_id}] to snapshot [{snapshot_id}] while it is blocked with [{block}]"
)


def _already_opened(asked: Asked) -> MlError:
    return already_opened(asked.job_id)


_TAKES_NO_DATA: Refusals = dict.fromkeys(("post", "flush", "forecast"), _not_open)
_IS_NOT_CLOSED: Refusals = {
    "open": _already_opened,
    "delete": _text("Cannot delete job [{job_id}] because the job is {shown}"),
    "reset": _text("Can only reset a job when it is closed."),
    "revert": _text("Can only revert to a model snapshot when the job is closed."),
}
_IS_BLOCKED: Refusals = {
    **_TAKES_NO_DATA,
    "open": _executing,
    "reset": _blocked_for_reset,
    "revert": _blocked_for_revert,
}


def _except(refusals: Refusals, *allowed: Action) -> Refusals:
    return {action: refusal for action, refusal in refusals.items() if action not in allowed}


STATES: Mapping[State, StateRules] = {
    "closed": StateRules(
        shown="closed",
        saved=None,
        to=frozenset({"waiting", "opening", "deleting", "resetting", "reverting"}),
        refused=_TAKES_NO_DATA,
    ),
    "waiting": StateRules(
        shown="opening",
        saved="opening",
        to=frozenset({"opening", "closed", "deleting"}),
        refused={**_IS_NOT_CLOSED, **_TAKES_NO_DATA},
    ),
    "opening": StateRules(
        shown="opening",
        saved="opening",
        # Back to waiting: one that had waited for room before a restart still has none.
        to=frozenset({"waiting", "opened", "closed", "failed", "deleting"}),
        refused=_IS_NOT_CLOSED,
    ),
    "opened": StateRules(
        shown="opened",
        saved="opened",
        to=frozenset({"closing", "failed", "deleting"}),
        refused=_IS_NOT_CLOSED,
    ),
    "closing": StateRules(
        shown="closing",
        saved="closing",
        to=frozenset({"closed", "opened", "failed", "deleting"}),
        refused={**_IS_NOT_CLOSED, **_TAKES_NO_DATA},
    ),
    "failed": StateRules(
        shown="failed",
        saved="failed",
        to=frozenset({"opening", "closed", "deleting"}),
        # Posting is allowed: it takes the job up again.
        refused={**_IS_NOT_CLOSED, **_except(_TAKES_NO_DATA, "post"), "close": _must_fail_to_close},
    ),
    "deleting": StateRules(
        shown="closed",
        saved=None,
        to=frozenset({"closed"}),
        refused=_IS_BLOCKED,
    ),
    "resetting": StateRules(
        shown="closed",
        saved=None,
        to=frozenset({"closed"}),
        refused=_except(_IS_BLOCKED, "reset"),
    ),
    "reverting": StateRules(
        shown="closed",
        saved=None,
        to=frozenset({"closed"}),
        refused=_except(_IS_BLOCKED, "revert"),
    ),
}
# What a restart makes of the stored task document of a job: one that was open has to be opened anew.
AFTER_RESTART: Mapping[TaskState, State] = {
    "opening": "opening",
    "opened": "opening",
    "closing": "opening",
    "failed": "failed",
}
_YIELDS_TO_FORCE: frozenset[Action] = frozenset({"close", "delete"})


def with_block(state: State, blocked_by: BlockReason | None) -> State:
    """The state of a job that is ``state`` here and whose own document says what it is blocked by."""
    return state if state != "closed" or blocked_by is None else STATE_OF_BLOCK[blocked_by]


def refusal(action: Action, asked: Asked, *, force: bool = False) -> MlError | None:
    """Why an action is not possible; None where it is."""
    refuse = STATES[asked.state].refused.get(action)
    if refuse is None or (force and action in _YIELDS_TO_FORCE):
        return None
    return refuse(asked)


def check(action: Action, asked: Asked, *, force: bool = False) -> None:
    """
    Raises:
        MlError: 409 where the action is not possible.
    """
    error = refusal(action, asked, force=force)
    if error is not None:
        raise error


def not_open(job_id: str) -> MlError:
    """What a step of a job is told that turns out not to be open."""
    return _not_open(Asked(job_id, "closed"))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job's life; ``at_ms`` in epoch milliseconds."""

    at_ms: int
    state: State
    why: str


class IllegalTransition(RuntimeError):
    """A fault of ours: a job was to go where its state does not lead. The message tells how it came there."""

    def __init__(self, life: Life, to: State, why: str) -> None:
        steps = "; ".join(f"{step.at_ms} {step.state} ({step.why})" for step in life.story) or "none"
        super().__init__(f"job [{life.job_id}] cannot go from [{life.state}] to [{to}] for [{why}]; its steps: {steps}")


@dataclass(slots=True)
class Life:
    """Where one job stands, and its last steps."""

    job_id: str
    state: State = "closed"
    story: deque[Step] = field(default_factory=lambda: deque(maxlen=_STEPS_REMEMBERED))

    def move(self, to: State, at_ms: int, why: str) -> None:
        """
        Raises:
            IllegalTransition: where the table has no such way.
        """
        if to not in STATES[self.state].to:
            raise IllegalTransition(self, to, why)
        self.state = to
        self.story.append(Step(at_ms, to, why))
