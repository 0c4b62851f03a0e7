"""``.index``: documents in an index of the cluster, written with Lanewatch's own rights.

So it writes to no index whose name begins with a dot, to none of Lanewatch's own, and to no alias that leads to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from proxy.alerting.connectors.alert_labels import annotations_of, labels_of
from proxy.alerting.connectors.fields import Field, flag, text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, rfc3339
from proxy.errors import MlError
from proxy.store.client import Json, quote_expression
from proxy.store.fence import lease_alias, lease_index
from proxy.store.names import Names

# A data stream is written to by its name, which has no dot; what is behind it has.
_BEHIND_DATA_STREAMS = ".ds-"
_FORBIDDEN = set('*?"<>|, #:/\\')


def documents_of(message: Message, execution_time_field: str | None) -> list[dict[str, Any]]:
    """Those of the parameters, or one that tells what the alert is."""
    alert = message.alert
    by_itself = {
        "@timestamp": rfc3339(message.now_ms),
        "rule": {"id": message.rule_id, "name": message.rule_name},
        "alert": {"uuid": message.alert_id, "start": rfc3339(alert["starts_at_ms"]), "transition": message.transition},
        "labels": labels_of(alert),
        "annotations": annotations_of(alert),
    }
    documents = message.params.get("documents") or [by_itself]
    stamped = {execution_time_field: rfc3339(message.now_ms)} if execution_time_field else {}
    return [{**document, **stamped} for document in documents]


def is_refused(index: str, names: Names) -> bool:
    """Whether messages may not be written to an index of this name."""
    ours = {each for name, (_, aliases) in {**names.own(), **names.of_alerting()}.items() for each in (name, *aliases)}
    if index.startswith(_BEHIND_DATA_STREAMS):
        return False
    is_lease = index in (lease_index(names.indices.config), lease_alias(names.indices.config))
    return index.startswith(".") or index in ours or is_lease or index.startswith(names.indices.results_prefix)


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message, index = messages[0], receiver.config["index"]
    try:
        behind = await ways.client.find("GET", f"/_alias/{quote_expression(index)}") or {}
        if any(is_refused(name, ways.names) for name in (index, *behind)):
            return Outcome("failed", f"index [{index}] may not be written to by connectors")
        lines: list[Json] = []
        for number, document in enumerate(documents_of(message, receiver.config.get("executionTimeField"))):
            lines += [{"create": {"_index": index, "_id": f"{message.delivery_id}-{number}"}}, document]
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        items = await ways.client.bulk(body, refresh=bool(receiver.config.get("refresh")))
    except MlError as error:
        return Outcome(_kind_of(error.status), f"the cluster answered with status [{error.status}]: {error.reason}")
    # What is there already was written by a try whose end was not heard of.
    wrong = [item for item in items if item["status"] != 409]
    if not wrong:
        return Outcome("ok")
    return Outcome(_kind_of(wrong[0]["status"]), f"the cluster did not take a document: {wrong[0]['error']['reason']}")


def _kind_of(status: int) -> Any:
    return "retry" if status in (408, 429) or status >= 500 else "failed"


def _is_index(value: str) -> str | None:
    if value.startswith(".") or _FORBIDDEN & set(value) or value != value.lower():
        return "must be the name of one index, in lower case and without a dot at its beginning"
    return None


def _are_documents(value: Any) -> str | None:
    return None if all(isinstance(document, Mapping) for document in value) else "must be a list of objects"


INDEX = ConnectorKind(
    id=".index",
    name="Index",
    config={"index": text(required=True, rule=_is_index), "refresh": flag(), "executionTimeField": text()},
    secrets={},
    params={"documents": Field(("array",), rule=_are_documents)},
    send=send,
)
