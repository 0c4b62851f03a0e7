"""Posted data that came with a key of their own: what each was answered, so that a repeat counts once.

A part of the model: a snapshot that is reverted to knows the posts that are in it, and no later ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.errors import MlError

# Repeats come within seconds; the answers are saved with each checkpoint.
_REMEMBERED = 100
_BETWEEN = "#"

Range = tuple[int, int] | None


def keyed_post_id(key: str, body: bytes, replaces: Range) -> str:
    """The ``post_id`` of data that came with an ``Idempotency-Key``: what was posted, and the key."""
    digest = hashlib.blake2b(body, digest_size=12)
    digest.update(repr(replaces).encode())
    return f"{digest.hexdigest()}{_BETWEEN}{key}"


class AnsweredPosts:
    """The counts that the last posts with a key were answered, by key."""

    def __init__(self, saved: Sequence[Sequence[Any]] = ()) -> None:
        """``saved``: what ``state`` told."""
        self._answers: dict[str, tuple[str, Mapping[str, Any]]] = {key: (data, counts) for key, data, counts in saved}

    def find(self, post_id: str) -> Mapping[str, Any] | None:
        """The answer to data that have been counted before; None for news, and for data without a key.

        Raises:
            MlError: 422 where the key came with other data before.
        """
        data, between, key = post_id.partition(_BETWEEN)
        if not between or key not in self._answers:
            return None
        known, counts = self._answers[key]
        if known != data:
            raise MlError(
                "illegal_argument_exception",
                f"Idempotency-Key [{key}] has been used for other data: every request needs a key of its own",
                422,
            )
        return counts

    def remember(self, post_id: str, counts: Mapping[str, Any]) -> None:
        data, between, key = post_id.partition(_BETWEEN)
        if between:
            self._answers[key] = (data, counts)
            while len(self._answers) > _REMEMBERED:
                del self._answers[next(iter(self._answers))]

    def state(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        return [(key, data, counts) for key, (data, counts) in self._answers.items()]
