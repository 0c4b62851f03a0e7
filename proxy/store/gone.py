"""Indices of ours that somebody has deleted: how a write notices, and what it does then.

All our writes say that their target has to be an alias. Where the index is not there any more, the cluster would else
make one by itself, with a mapping by guesswork, and nobody would know what is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from proxy.errors import MlError
from proxy.store.client import Json, Params

GONE = "index_not_found_exception"
# Of a write of one document that is searchable afterwards.
INTO_ALIAS: Params = {"refresh": True, "require_alias": True}
Made = TypeVar("Made")
# Makes what is missing of the indices that all jobs share; returns the names of those made.
MakeAnew = Callable[[], Awaitable[list[str]]]


class IndexGone(MlError):
    """The index, or the alias that leads to it, is not there any more."""


def raise_if_gone(failed: Iterable[Mapping[str, Json]]) -> None:
    """
    Raises:
        IndexGone: one of the failed items of a bulk request had no index to go to.
    """
    for item in failed:
        if item["error"]["type"] == GONE:
            raise IndexGone(GONE, f"the cluster has no place for it: {item['error']['reason']}", 503)


async def with_index(write: Callable[[], Awaitable[Made]], make_anew: MakeAnew) -> Made:
    """Writes; where the index is gone, once more after it was made anew."""
    try:
        return await write()
    except MlError as error:
        if error.type != GONE:
            raise
    await make_anew()
    return await write()
