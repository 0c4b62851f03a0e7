"""The lease in the cluster: one document that says which process leads, changed only as it was read.

What follows from it is decided by ``leadership.lease_rule``. It has an index of its own, so that renewing it touches
nothing else, and is always read by its id: what a search finds is older.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from proxy.store.client import ClusterClient, ClusterError, Json, Params, quote_expression
from proxy.store.damaged import DamagedDocument, refuse_damaged, sound
from proxy.store.fence import lease_alias

_log = logging.getLogger(__name__)
_DOCUMENT = "lease"
_FOLLOWER = "follower"
_LEFT_BY = "left_by"
_BLOCKED = "cluster_block_exception"
_ID_LENGTH = 22
Version = tuple[int, int]


def machine_name() -> str:
    """What a proxy is called by: the machine that it is on."""
    return socket.gethostname()


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that can lead.

    ``node_id`` is new with each start; ``address`` is where other proxies reach it; ``process`` tells it from all
    others on its machine, and whether it still runs (``leadership.processes``).
    """

    node_id: str
    name: str
    address: str
    process: str

    @property
    def short_id(self) -> str:
        return self.node_id[:8]

    @property
    def lasting_id(self) -> str:
        """The same after a restart, and as long as the ids of Elasticsearch's nodes."""
        where = hashlib.sha256(f"{self.name} {self.address}".encode()).digest()
        return base64.urlsafe_b64encode(where).decode()[:_ID_LENGTH]

    @property
    def transport_address(self) -> str:
        """Host and port."""
        return self.address.rpartition("://")[2]


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease as it was read: ``version`` is what a change of it is conditional on.

    ``owner`` is None where it was given back. ``report`` is what its owner says of itself, for who looks.
    """

    owner: Peer | None
    epoch: int
    version: Version
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last_owner(self) -> Peer | None:
        """The owner, or who gave the lease back."""
        left = self.report.get(_LEFT_BY)
        return self.owner or (None if left is None else Peer(**left))


class _Report(msgspec.Struct):
    left_by: Peer | None = None


class _Document(msgspec.Struct):
    owner: Peer | None
    epoch: int
    report: _Report = msgspec.field(default_factory=_Report)


class _Follower(msgspec.Struct):
    peer: Peer


class Leases:
    """Reads and changes the document; never repeats a change by itself, because its time counts."""

    def __init__(self, client: ClusterClient, base: str) -> None:
        """``client`` is one without a fence; ``base`` is the index of configurations."""
        self._client = client
        self._alias = f"/{quote_expression(lease_alias(base))}"
        self._path = f"{self._alias}/_doc/{_DOCUMENT}"

    async def read(self) -> Lease | None:
        """The lease as it is now; None where there is none. One that somebody has damaged belongs to nobody."""
        found = await self._client.find("GET", self._path, retry=False)
        if found is None:
            return None
        version = (found["_seq_no"], found["_primary_term"])
        try:
            refuse_damaged(found, _Document)
        except DamagedDocument as error:
            _log.error("nobody has the lease: %s", error.reason)
            return Lease(None, 0, version)
        source = found["_source"]
        owner = Peer(**source["owner"]) if source["owner"] is not None else None
        return Lease(owner, int(source["epoch"]), version, source.get("report", {}))

    async def write(
        self, owner: Peer | None, epoch: int, former: Version | None, report: Mapping[str, Any] | None = None
    ) -> Version | None:
        """Its version once it is written; None where it is not any more what it was, as ``former`` tells.

        Raises:
            MlError: whether it was written is not known.
        """
        params: dict[str, str | int | bool] = {"require_alias": True}
        if former is None:
            params["op_type"] = "create"
        else:
            params |= {"if_seq_no": former[0], "if_primary_term": former[1]}
        body: Json = {"kind": _DOCUMENT, "owner": None if owner is None else asdict(owner), "epoch": epoch,
                      "report": dict(report or {})}  # fmt: skip
        try:
            written = await self._put(params, body)
        except ClusterError as error:
            if error.status in (404, 409):
                return None
            raise
        return written["_seq_no"], written["_primary_term"]

    async def _put(self, params: Params, body: Json) -> Json:
        """Also where the disk of the lease's node is nearly full.

        Its index grows by nothing, and without it nobody may write anything, also to nodes that have room. A write that
        was refused for a block was not carried out, so it may be repeated.
        """
        try:
            return await self._client.request("PUT", self._path, params=params, body=body)
        except ClusterError as error:
            if error.type != _BLOCKED:
                raise
        settings = {"index.blocks.read_only_allow_delete": None}
        await self._client.request("PUT", f"{self._alias}/_settings", body=settings)
        _log.warning("the lease's index was read-only because a disk is nearly full, and has been opened again")
        return await self._client.request("PUT", self._path, params=params, body=body)

    async def give_back(self, owner: Peer, epoch: int, former: Version) -> Version | None:
        """As ``write``; it belongs to nobody then, and says who had it."""
        return await self.write(None, epoch, former, {_LEFT_BY: asdict(owner)})

    async def show(self, peer: Peer) -> None:
        """Says that a process follows; each time is another version."""
        body = {"kind": _FOLLOWER, "peer": asdict(peer)}
        await self._client.request("PUT", self._of(peer), params={"require_alias": True}, body=body)

    async def hide(self, peer: Peer) -> None:
        await self._client.find("DELETE", self._of(peer), retry=False)

    async def shown(self) -> list[tuple[Peer, Version]]:
        """Who has said that, and the version of each; as of the last refresh."""
        body = {"size": 1000, "query": {"term": {"kind": _FOLLOWER}}, "seq_no_primary_term": True}
        found = await self._client.find("POST", f"{self._alias}/_search", body=body, retry=False)
        hits = [] if found is None else found["hits"]["hits"]
        return [
            (Peer(**hit["_source"]["peer"]), (hit["_seq_no"], hit["_primary_term"])) for hit in sound(hits, _Follower)
        ]

    def _of(self, peer: Peer) -> str:
        return f"{self._alias}/_doc/{_FOLLOWER}-{peer.node_id}"
