"""Commands that only tests give: steps that hang, and steps that end their process."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass

from proxy.runtime.place.commands import Command, Post
from proxy.runtime.place.job import PlacedJob
from proxy.runtime.place.performing import PERFORMERS, performs
from proxy.runtime.place.summary import Summary


@dataclass(frozen=True, slots=True)
class HangingPost(Post):
    """As any other, but data that say so are journalled and then keep the model busy for ever."""


@performs(HangingPost)
async def _hanging_post(job: PlacedJob, command: HangingPost) -> Summary:
    if b"sleep" in command.body or b"pattern" in command.body:
        _, entry = job.model.read(command.body, None, command.post_id)
        number = await job.journal(b"d" + entry)
        await job.do(number, sleep_for_ever if b"sleep" in command.body else match_for_ever)
    return await PERFORMERS[Post](job, command)


def sleep_for_ever() -> None:
    time.sleep(3600)


def match_for_ever() -> None:
    """Holds the interpreter as well, so that not even the child's event loop turns."""
    re.match("(a+)+z", "a" * 60)


@dataclass(frozen=True, slots=True)
class Die(Command):
    """Ends its process in the middle of a step."""


@performs(Die)
async def _die(job: PlacedJob, command: Die) -> Summary:
    await job.do(None, os.kill, os.getpid(), signal.SIGKILL)
    return job.summary()
