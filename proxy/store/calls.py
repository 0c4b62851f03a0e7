"""What is told of each request of ours to the cluster, for whoever counts them: what kind, how it ended, how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class ClusterCall(NamedTuple):
    """One attempt. ``outcome`` is the status of its answer, or ``unreached``, ``timeout`` or ``failed`` without one."""

    kind: str
    outcome: str
    seconds: float


OnCall = Callable[[ClusterCall], None]


def tell_nobody(call: ClusterCall) -> None:
    """Where nobody counts."""


def kind_of(path: str) -> str:
    """The API that a path belongs to, as ``_bulk`` or ``_doc``; ``index`` for an index itself.

    Names of indices do not begin with an underscore, and what stands behind an API are ids: there are few kinds.
    """
    first, _, rest = path.partition("?")[0].lstrip("/").partition("/")
    if first.startswith("_"):
        return first
    second = rest.partition("/")[0]
    return second if second.startswith("_") else "index"
