"""Posts whose callers went away before they were answered: clients repeat such a request by themselves.

The repeat has the same bytes, and gets the answer that the first one would have got. For as long as this process
lives; who needs more sends an ``Idempotency-Key``.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

Counts = dict[str, Any]

# The official clients repeat at once, three times, each with a time limit of its own.
_REMEMBERED_S = 300.0
_AT_MOST = 1000
# Hashing more than this takes longer than others should wait.
_LARGE_BYTES = 1 << 20


@dataclass(slots=True)
class _Post:
    """``ended``: when it was answered, on the clock of this process; infinite before."""

    work: asyncio.Task[Counts]
    is_gone: Callable[[], bool]
    ended: float = float("inf")


class AbandonedPosts:
    """The posts in progress, and those whose answer nobody has heard."""

    def __init__(self) -> None:
        self._posts: dict[tuple[str, bytes], _Post] = {}
        self._going_on: set[asyncio.Task[Counts]] = set()

    async def once(
        self, job_id: str, body: bytes, is_gone: Callable[[], bool], perform: Callable[[], Coroutine[Any, Any, Counts]]
    ) -> Counts:
        """Has a post performed, unless it repeats one whose caller is gone; ``is_gone`` says so of this one."""
        name = job_id, await _digest(body)
        earlier = self._posts.get(name)
        if earlier is not None and earlier.is_gone() and not _has_failed(earlier.work):
            earlier.is_gone = is_gone
            return await self._answer(name, earlier)
        post = self._posts[name] = _Post(asyncio.create_task(perform()), is_gone)
        self._going_on.add(post.work)
        post.work.add_done_callback(self._going_on.discard)
        return await self._answer(name, post)

    async def stop(self) -> None:
        """Ends what is in progress."""
        going_on = list(self._going_on)
        for work in going_on:
            work.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)

    async def _answer(self, name: tuple[str, bytes], post: _Post) -> Counts:
        try:
            return await asyncio.shield(post.work)
        finally:
            post.ended = time.monotonic()
            if self._posts.get(name) is post and not post.is_gone():
                del self._posts[name]
            self._forget_old()

    def _forget_old(self) -> None:
        long_ago = time.monotonic() - _REMEMBERED_S
        old = [name for name, post in self._posts.items() if post.ended < long_ago]
        for name in [*old, *list(self._posts)[: max(0, len(self._posts) - len(old) - _AT_MOST)]]:
            self._posts.pop(name, None)


def _has_failed(work: asyncio.Task[Counts]) -> bool:
    return work.done() and (work.cancelled() or work.exception() is not None)


async def _digest(body: bytes) -> bytes:
    hashed = partial(hashlib.blake2b, body, digest_size=16)
    return (hashed() if len(body) < _LARGE_BYTES else await asyncio.to_thread(hashed)).digest()
