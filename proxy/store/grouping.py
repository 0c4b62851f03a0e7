"""Small requests of many jobs sent together: whoever comes while one is on its way goes with the next.

Nobody waits where nobody else asks, and the more ask at once, the fewer requests each of them costs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from proxy.errors import MlError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)
_MOST = 64


class Grouped(Generic[Asked, Answer]):
    """``perform`` asks for ``most`` at once or fewer; it answers None for each that has to be asked alone."""

    def __init__(
        self, perform: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | None]]], most: int = _MOST
    ) -> None:
        self._perform = perform
        self._most = most
        self._waiting: list[tuple[Asked, asyncio.Future[Answer | None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer | None:
        """The answer; None where it has to be asked for alone, if only to learn what is wrong."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def ask_until_told(self, asked: Asked) -> Answer:
        """The answer, for those whose ``perform`` answers everybody or fails; asked for alone where the group failed.

        Raises:
            MlError: what ``perform`` raises for it alone.
        """
        answer = await self.ask(asked)
        if answer is None:
            (answer,) = await self._perform([asked])
        assert answer is not None, "everybody is answered"
        return answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(group)
        finally:
            self._working = None

    async def _answer(self, group: Sequence[tuple[Asked, asyncio.Future[Answer | None]]]) -> None:
        answers: Sequence[Answer | None] = [None] * len(group)
        try:
            answers = await self._perform([asked for asked, _ in group])
        except MlError:
            # Each learns by itself what became of its own.
            pass
        except Exception:
            # An answer that is none: nobody may be left waiting because of it.
            _log.exception("what was asked for together is asked for one by one")
        finally:
            for (_, waiting), answer in zip(group, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
