"""Keeps what a former leader still writes out of the cluster: a document is written through an alias of one epoch.

Whoever leads has aliases of its own for all indices that it writes to, named after its term; at a takeover the new
leader replaces those of its predecessor in one change of the cluster's state (``store.epochs``). A write through an
alias that is gone is refused by the cluster, whatever it is: a new document, a changed one, or a deletion. Why it is
done so and not by versions of documents is told in ``docs/decisions/fencing.md``.

``ClusterClient`` asks here before every change. Whether this process leads is decided in ``leadership``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.errors import MlError

# Paths of single documents: index, API, and what follows.
_DOCUMENT = re.compile(r"/(?P<index>[^/_][^/]*)/(?P<rest>_(?:doc|create|update)(?:/.*)?)")
# Other changes: of an index as a whole, its mapping, or many documents, whose lines name their aliases themselves.
_CHANGE = re.compile(r"/_bulk|/_aliases|/[^/_][^/]*(?:/_mapping)?")
_TERM = re.compile(r"(\d+)-[0-9a-f]{8}")
_REFUSALS = ("index_not_found_exception", "aliases_not_found_exception")
Params = Mapping[str, str | int | bool]
Body = Any  # JSON, as the client takes it


class NotLeading(MlError):
    """This process may not write: another one leads, or it cannot tell that it still does."""

    def __init__(self, reason: str = "this proxy does not lead at the moment, retry in a moment") -> None:
        super().__init__("connect_transport_exception", reason, 503, headers={"Retry-After": "1"})


class Fence(Protocol):
    """What a client of the cluster may change, and through which names."""

    @property
    def term(self) -> str | None:
        """The epoch and its leader, as processes that work for it have to know; None without one."""
        ...

    @property
    def epoch(self) -> int:
        """Of the term; 0 without one."""
        ...

    def check(self) -> None:
        """
        Raises:
            NotLeading: nothing may be changed now.
        """
        ...

    def into(self, name: str) -> str:
        """The alias to write through instead of an index, or an alias of it. Raises NotLeading."""
        ...

    def aliases(self, *names: str) -> tuple[str, ...]:
        """What has to lead to an index of these names, so that it can be written to. Raises NotLeading."""
        ...

    def guard(self) -> list[Mapping[str, Body]]:
        """What makes a change of aliases fail where another term has begun. Raises NotLeading."""
        ...

    def is_refusal(self, error: MlError) -> bool:
        """Whether the cluster may have refused a change because another term has begun."""
        ...

    async def confirm(self) -> None:
        """To be called after such a refusal; returns where the term goes on all the same. Raises NotLeading."""
        ...


class NoFence:
    """For tools and tests, which write by the standing names: no lease is asked, and no alias is an epoch's."""

    term = None
    epoch = 0

    def check(self) -> None:
        return

    def into(self, name: str) -> str:
        return name

    def aliases(self, *names: str) -> tuple[str, ...]:
        return ()

    def guard(self) -> list[Mapping[str, Body]]:
        return []

    def is_refusal(self, error: MlError) -> bool:
        return False

    async def confirm(self) -> None:
        return


def always() -> bool:
    """For a process that is ended from outside when its leader's time is over."""
    return True


@dataclass(slots=True)
class TermFence:
    """Lets through what belongs to one term, as long as this process ``may_write``.

    ``base`` is the index of configurations, to which the lease belongs. ``term`` is None while another process leads.
    ``look`` finds out whether the term goes on.
    """

    base: str
    look: Callable[[], Awaitable[bool]]
    term: str | None = None
    may_write: Callable[[], bool] = always

    def check(self) -> None:
        self._term()

    def into(self, name: str) -> str:
        return f"{term_alias(self.base, self._term())}-{name}"

    def aliases(self, *names: str) -> tuple[str, ...]:
        return tuple(map(self.into, names))

    def guard(self) -> list[Mapping[str, Body]]:
        held = {"index": lease_index(self.base), "alias": term_alias(self.base, self._term())}
        return [{"remove": {**held, "must_exist": True}}, {"add": {**held, "is_hidden": True}}]

    def is_refusal(self, error: MlError) -> bool:
        return error.type in _REFUSALS and f"{self.base}-epoch-" in error.reason

    async def confirm(self) -> None:
        if not await self.look():
            raise NotLeading

    @property
    def epoch(self) -> int:
        return 0 if self.term is None else int(self.term.partition("-")[0])

    def _term(self) -> str:
        if self.term is None or not self.may_write():
            raise NotLeading
        return self.term


def lease_index(base: str) -> str:
    """The index of the lease on what belongs to an index of configurations."""
    return f"{base}-lease"


def lease_alias(base: str) -> str:
    """What the lease is read and written by: a write to an alias that is gone makes no index by itself."""
    return f"{lease_index(base)}-document"


def term_alias(base: str, term: str) -> str:
    """The alias that the index of the lease has as long as a term lasts; names of its other aliases begin with it."""
    return f"{base}-epoch-{term}"


def epoch_in(base: str, alias: str) -> int | None:
    """The epoch whose alias of the lease this is; None for any other alias."""
    prefix = f"{base}-epoch-"
    match = _TERM.fullmatch(alias.removeprefix(prefix)) if alias.startswith(prefix) else None
    return int(match[1]) if match else None


def fenced(fence: Fence, method: str, path: str, params: Params, body: Body) -> tuple[str, Params, Body]:
    """Path, parameters and body of a request as they may go out; what only reads is left as it is.

    Raises:
        NotLeading: it would change something, and nothing may be changed now.
    """
    if method in ("GET", "HEAD"):
        return path, params, body
    if match := _DOCUMENT.fullmatch(path):
        target = fence.into(match["index"])
        if target != match["index"] and method != "DELETE":
            # Where the alias is gone, the cluster would make an index of its name.
            params = {**params, "require_alias": True}
        return f"/{target}/{match['rest']}", params, body
    if _CHANGE.fullmatch(path):
        fence.check()
        if path == "/_aliases":
            actions: Sequence[Body] = body["actions"]
            return path, params, {**body, "actions": [*fence.guard(), *actions]}
    return path, params, body
