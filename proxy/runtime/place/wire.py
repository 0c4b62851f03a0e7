"""What a process that holds models and its parent say to each other: pickled messages behind their length.

Both ends are ours and run the same build; nobody else can reach the socket between them. The messages are named tuples,
because there are several for each step of each job, and pickle takes frozen dataclasses apart field by field in Python.
"""

from __future__ import annotations

import asyncio
import pickle
from typing import NamedTuple

from proxy.config import Config
from proxy.runtime.place.commands import Command
from proxy.runtime.place.contract import StepFailed
from proxy.runtime.place.summary import Summary
from proxy.store.calls import ClusterCall

_LENGTH_BYTES = 8


class Start(NamedTuple):
    """To the child, once: its settings."""

    config: Config


class Request(NamedTuple):
    """To the child: a command, and the X-Opaque-Id of whom it is performed for."""

    number: int
    job_id: str
    command: Command
    opaque_id: str | None


class Step(NamedTuple):
    """To the parent: a step on the way to a request's end."""

    number: int
    summary: Summary


class Answer(NamedTuple):
    """To the parent: a request's end."""

    number: int
    summary: Summary


class Failure(NamedTuple):
    """To the parent: a request's end by an error."""

    number: int
    error: Exception


class Begun(NamedTuple):
    """To the parent: a model is about to compute, on that journal entry if on any."""

    job_id: str
    entry: int | None


class Ended(NamedTuple):
    """To the parent: that step has ended."""


class Alive(NamedTuple):
    """To the parent, at a steady beat: the event loop turns."""


class Called(NamedTuple):
    """To the parent: requests to the cluster since the last time."""

    calls: list[ClusterCall]


def send(writer: asyncio.StreamWriter, message: object) -> None:
    """Puts a message on its way at once, as far as the socket takes it."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    writer.writelines([len(data).to_bytes(_LENGTH_BYTES, "little"), data])


async def receive(reader: asyncio.StreamReader) -> object:
    """
    Raises:
        IncompleteReadError, ConnectionError: the other side is gone.
    """
    size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "little")
    return pickle.loads(await reader.readexactly(size))


def portable(error: Exception) -> Exception:
    """The error, if it arrives at the other side as what it is; else one with its name and text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception as problem:
        return StepFailed(f"{type(error).__name__}: {error} (and not to be sent: {problem})")
    return error
