"""The outbox: messages about alerts, in an index of their own until they are sent, and some days longer.

A message is written with the change of the alert that it tells of, and taken up by whoever claims it first. Who sends
it, and what follows from an outcome, is ``alerting.delivery``'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import orjson

from proxy.errors import unavailable
from proxy.store.alerting.messages import OPEN, Delivery, Document, Status, StoredDelivery, Waiting, read
from proxy.store.client import ClusterClient, ClusterError, Json, Params, quote_expression
from proxy.store.damaged import sound
from proxy.store.gone import MakeAnew, raise_if_gone, with_index
from proxy.store.names import Names

_AT_ONCE = 500
_MAX_WAITING = 10_000
_MAX_ERROR_CHARACTERS = 1000
_IS_OPEN = {"terms": {"status": list(OPEN)}}


@dataclass(frozen=True, slots=True)
class Due:
    """The messages that are due with what else waits in their lines, and when the next one will be due.

    ``pending`` counts all that were never sent.
    """

    ready: list[StoredDelivery]
    waiting: list[Waiting]
    next_at_ms: int | None
    pending: int


class Deliveries:
    """Reads and changes messages."""

    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._alias = names.deliveries_alias
        self._path = f"/{quote_expression(self._alias)}"
        self._make_anew = make_anew

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Stores new messages; those that are there already stay as they are. They can be searched afterwards.

        Raises:
            MlError: 503 where the cluster did not take one of them; adding them all again is safe.
        """
        for start in range(0, len(deliveries), _AT_ONCE):
            batch = deliveries[start : start + _AT_ONCE]
            await with_index(partial(self._create, batch), self._make_anew)

    async def _create(self, deliveries: Iterable[Delivery]) -> None:
        target = self._client.fence.into(self._alias)
        lines = [
            line
            for delivery in deliveries
            for line in ({"create": {"_index": target, "_id": delivery.delivery_id}}, delivery.document())
        ]
        await self._bulk(lines)

    async def due(self, now_ms: int, size: int, *, without: Iterable[str] = ()) -> Due:
        """The messages that may be sent now as far as their time goes, the oldest first.

        Those for the connectors ``without`` are left where they are.
        """
        body = {
            "size": size,
            "query": {"bool": {"filter": [_IS_OPEN]}},
            "post_filter": {"bool": {"must_not": {"terms": {"connector_id": sorted(without)}}}},
            "aggs": {"pending": {"filter": {"term": {"status": "pending"}}}},
            "sort": [{"due_at": "asc"}, {"created_at": "asc"}, {"sequence": "asc"}],
            "seq_no_primary_term": True,
            "track_total_hits": False,
        }
        answer = await self._search(body)
        hits = sound(answer["hits"]["hits"], Document)
        found = [read(hit["_id"], hit["_source"], hit["_seq_no"], hit["_primary_term"]) for hit in hits]
        ready = [message for message in found if message.due_at_ms <= now_ms]
        later = next((message.due_at_ms for message in found if message.due_at_ms > now_ms), None)
        pending = answer.get("aggregations", {}).get("pending", {}).get("doc_count", 0)
        return Due(ready, await self._waiting({message.delivery.alert_id for message in ready}), later, pending)

    async def _waiting(self, alert_ids: Iterable[str]) -> list[Waiting]:
        of_alerts = {"terms": {"alert_id": sorted(alert_ids)}}
        if not of_alerts["terms"]["alert_id"]:
            return []
        body = {
            "size": _MAX_WAITING,
            "query": {"bool": {"filter": [_IS_OPEN, of_alerts]}},
            "_source": ["alert_id", "connector_id", "sequence", "status", "due_at", "owner"],
            "track_total_hits": False,
        }
        hits = (await self._search(body))["hits"]["hits"]
        return [_place_of(hit["_source"]) for hit in sound(hits, _Place)]

    async def claim(self, message: StoredDelivery, owner: str, until_ms: int) -> StoredDelivery | None:
        """The message as its owner's until then; None where somebody else was faster."""
        # It needs not be seen by searches: who finds it as it was can change it no more.
        return await self._change(message, {"owner": owner, "due_at": until_ms}, refresh=False)

    async def put_off(self, message: StoredDelivery, due_at_ms: int) -> None:
        """Leaves it where it is until then, because another one has to be sent before."""
        await self._change(message, {"due_at": due_at_ms})

    async def sent(self, message: StoredDelivery, now_ms: int, *, resend_at_ms: int | None = None) -> bool:
        """Marks it as sent; with ``resend_at_ms`` it is to be sent again then. False where it was changed meanwhile."""
        changed: dict[str, Json] = {"status": "sent", "ended_at": now_ms}
        if resend_at_ms is not None:
            changed = {"status": "active", "due_at": resend_at_ms, "attempts": 0}
        refresh = message.status == "pending"
        return await self._change(message, changed | {"owner": None, "error": None}, refresh=refresh) is not None

    async def retry_at(self, message: StoredDelivery, due_at_ms: int, reason: str) -> bool:
        """Puts it off after a try that failed."""
        changed = {"due_at": due_at_ms, "attempts": message.attempts + 1, "error": _cut(reason), "owner": None}
        return await self._change(message, changed) is not None

    async def failed(self, message: StoredDelivery, now_ms: int, reason: str) -> bool:
        """Gives it up."""
        changed = {"status": "failed", "ended_at": now_ms, "error": _cut(reason), "owner": None}
        return await self._change(message, changed) is not None

    async def dropped(self, message: StoredDelivery, now_ms: int, reason: str) -> bool:
        """Ends it without it being sent once more, because it is not wanted any longer."""
        changed = {"status": "cancelled", "ended_at": now_ms, "error": _cut(reason), "owner": None}
        return await self._change(message, changed) is not None

    async def end_repeats(self, message: StoredDelivery, now_ms: int) -> None:
        """Ends the repeating of earlier messages of the same line, once ``message`` is sent."""
        delivery = message.delivery
        query = [
            {"term": {"status": "active"}},
            {"term": {"alert_id": delivery.alert_id}},
            {"term": {"connector_id": delivery.connector_id}},
            {"range": {"sequence": {"lt": delivery.sequence}}},
        ]
        await self._end(query, {"status": "sent", "ended_at": now_ms})

    async def cancel(self, now_ms: int, *, alert_id: str | None = None, rule_id: str | None = None) -> None:
        """Drops what waits to be sent, or to be sent again, of one alert or of one rule."""
        of = {"term": {"alert_id": alert_id}} if alert_id is not None else {"term": {"rule_id": rule_id}}
        await self._end([_IS_OPEN, of], {"status": "cancelled", "ended_at": now_ms})

    async def counts(self) -> dict[str, int]:
        """How many messages there are of each status."""
        body = {"size": 0, "track_total_hits": False, "aggs": {"statuses": {"terms": {"field": "status"}}}}
        answer = await self._search(body)
        buckets = answer.get("aggregations", {}).get("statuses", {}).get("buckets", [])
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}

    async def forget(self, ended_before_ms: int) -> int:
        """Deletes the messages that were ended before then; returns how many."""
        query = {"range": {"ended_at": {"lt": ended_before_ms}}}
        hits = await self._client.search_all(self._alias, query, source=False)
        for start in range(0, len(hits), _AT_ONCE):
            batch = hits[start : start + _AT_ONCE]
            await self._bulk(
                [{"delete": {"_index": self._client.fence.into(hit["_index"]), "_id": hit["_id"]}} for hit in batch],
                alias=False,
            )
        return len(hits)

    async def _end(self, filters: Sequence[Json], changed: Mapping[str, Json]) -> None:
        """Changes all that a query finds, except what is changed by somebody else in the same moment."""
        hits = await self._client.search_all(self._alias, {"bool": {"filter": list(filters)}}, source=False)
        for start in range(0, len(hits), _AT_ONCE):
            lines: list[Json] = []
            target = self._client.fence.into(self._alias)
            for hit in hits[start : start + _AT_ONCE]:
                lines += [{"update": {"_index": target, "_id": hit["_id"], "retry_on_conflict": 3}}]
                lines += [{"doc": {**changed, "owner": None}}]
            await self._bulk(lines)

    async def _change(
        self, message: StoredDelivery, changed: Mapping[str, Json], *, refresh: bool = True
    ) -> StoredDelivery | None:
        params: Params = {
            "if_seq_no": message.seq_no, "if_primary_term": message.primary_term, "_source": True, "refresh": refresh,
            "require_alias": True,
        }  # fmt: skip
        path = f"{self._path}/_update/{quote_expression(message.delivery.delivery_id)}"
        try:
            answer = await self._client.request("POST", path, params=params, body={"doc": dict(changed)})
        except ClusterError as error:
            if error.status in (404, 409):
                return None
            raise
        source = answer["get"]["_source"]
        return read(message.delivery.delivery_id, source, answer["_seq_no"], answer["_primary_term"])

    async def _search(self, body: Json) -> Json:
        return await self._client.request("POST", f"{self._path}/_search", params=_IF_THERE, body=body, retry=True)

    async def _bulk(self, lines: Iterable[Json], *, alias: bool = True) -> None:
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        items = await self._client.bulk(body, refresh=True, require_alias=alias)
        # What exists or has been changed or removed meanwhile is as it should be.
        failed = [item for item in items if item["status"] not in (404, 409) or item["error"]["type"] in _NO_INDEX]
        raise_if_gone(failed)
        if failed:
            raise unavailable(f"the cluster did not store a message about an alert: {failed[0]['error']['reason']}")


_IF_THERE: Params = {"ignore_unavailable": True}
_NO_INDEX = ("index_not_found_exception",)


class _Place(msgspec.Struct):
    alert_id: str
    connector_id: str
    sequence: int
    status: Status
    due_at: int
    owner: str | None = None


def _place_of(source: Mapping[str, Json]) -> Waiting:
    line, is_claimed = (source["alert_id"], source["connector_id"]), source.get("owner") is not None
    return Waiting(line, source["sequence"], source["status"], source["due_at"], is_claimed)


def _cut(reason: str) -> str:
    return reason[:_MAX_ERROR_CHARACTERS]
