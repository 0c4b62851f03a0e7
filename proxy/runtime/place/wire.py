"""What a process that holds models and its parent say to each other: pickled messages behind their length.

Both ends are ours and run the same build; nobody else can reach the socket between them. The messages are named tuples,
because there are several for each step of each job, and pickle takes frozen dataclasses apart field by field in Python.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from proxy.config import Config
from proxy.runtime.place.commands import Command
from proxy.runtime.place.contract import StepFailed
from proxy.runtime.place.summary import Summary
from proxy.store.calls import ClusterCall

_LENGTH_BYTES = 8


Direction = Literal["sent", "received"]


class Traffic:
    """Counts what the process that answers says to places and hears from them, by direction and kind of message.

    Commands are a kind each. ``buckets`` are those that places have told of as finished, to relate the rest to.
    """

    def __init__(self) -> None:
        self.messages: Counter[tuple[Direction, str]] = Counter()
        self.bytes: Counter[tuple[Direction, str]] = Counter()
        self.buckets = 0

    def count(self, direction: Direction, message: object, size: int) -> None:
        """Adds a message of so many bytes."""
        kind = type(message.command if isinstance(message, Request) else message).__name__
        self.messages[direction, kind] += 1
        self.bytes[direction, kind] += size
        if isinstance(message, Step | Answer):
            self.buckets += sum(not bucket.is_interim for bucket in message.summary.buckets)


class Start(NamedTuple):
    """To the child, once: its settings, and the leader's term, in which alone it may write."""

    config: Config
    term: str | None = None


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
    """To the parent, at a steady beat: the event loop turns.

    ``load`` is the share of the time since the last beat in which models computed.
    """

    memory_bytes: int
    load: float


class Called(NamedTuple):
    """To the parent: requests to the cluster since the last time."""

    calls: list[ClusterCall]


def packed(message: object) -> bytes:
    """A message as it travels."""
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def send(writer: asyncio.StreamWriter, message: object, traffic: Traffic | None = None) -> None:
    """Puts a message on its way at once, as far as the socket takes it; ``traffic`` is told."""
    data = packed(message)
    writer.writelines([_length(data), data])
    if traffic is not None:
        traffic.count("sent", message, len(data))


def send_together(writer: asyncio.StreamWriter, messages: Iterable[object]) -> None:
    """The same of several, which travel at once: what costs most is each sending, not what is sent."""
    writer.writelines([part for data in map(packed, messages) for part in (_length(data), data)])


def _length(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES, "little")


async def receive(reader: asyncio.StreamReader, traffic: Traffic | None = None) -> object:
    """
    Raises:
        IncompleteReadError, ConnectionError: the other side is gone.
    """
    size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "little")
    message: object = pickle.loads(await reader.readexactly(size))
    if traffic is not None:
        traffic.count("received", message, size)
    return message


def portable(error: Exception) -> Exception:
    """The error, if it arrives at the other side as what it is; else one with its name and text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception as problem:
        return StepFailed(f"{type(error).__name__}: {error} (and not to be sent: {problem})")
    return error
