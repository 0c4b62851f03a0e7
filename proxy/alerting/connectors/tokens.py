"""Tokens of OAuth 2.0 servers that have been asked for, each until it ends. They are in memory alone."""

from __future__ import annotations

_MOST = 1000
# A token that ends within this time may end on its way.
_MARGIN_MS = 30_000
# One that is said to last longer is asked for again all the same.
_LONGEST_MS = 86_400_000


class Tokens:
    """Keys tell what a token was asked for with, so that whoever changes that gets another one."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[str, int]] = {}

    def find(self, key: bytes, now_ms: int) -> str | None:
        token, until_ms = self._kept.get(key, ("", 0))
        return token if now_ms < until_ms else None

    def keep(self, key: bytes, token: str, lasts_ms: int, now_ms: int) -> None:
        living = [(each, kept) for each, kept in self._kept.items() if now_ms < kept[1]]
        self._kept = dict(living[-_MOST + 1 :])
        self._kept[key] = (token, now_ms + min(lasts_ms, _LONGEST_MS) - _MARGIN_MS)

    def forget(self, key: bytes) -> None:
        """After a receiver has refused a token."""
        self._kept.pop(key, None)
