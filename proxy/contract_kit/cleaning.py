"""Removes what scenarios made: after each what would be in the way of the next, at the end of a run all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from proxy.contract_kit.endpoint import Answer, Endpoint
from proxy.contract_kit.scenario import Request

# What has names, in the order of removal: path, name of the list in an answer, name of the id, and options of deleting.
_KINDS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("/_ml/datafeeds", "datafeeds", "datafeed_id", {"force": "true"}),
    ("/_ml/anomaly_detectors", "jobs", "job_id", {"force": "true"}),
    ("/_ml/calendars", "calendars", "calendar_id", {}),
    ("/_ml/filters", "filters", "filter_id", {}),
    ("/api/alerting/rule", "", "id", {}),
    ("/api/actions/connector", "", "id", {}),
)
_MADE_BY = re.compile(r"(?:/_xpack/ml|/_ml)(/(?:datafeeds|anomaly_detectors|calendars|filters)/[^/]+)")
_MADE_UNDER = re.compile(r"(/api/(?:alerting/rule|actions/connector))(?:/[^/_][^/]*)?")
_HOMES_OF_DOCUMENTS = ".ml-notifications*,.ml-annotations-*,.ml-anomalies-*"
_PAGE = 1000
_SHOWN = 300
_UPGRADE_MODE = "/_ml/set_upgrade_mode"


def made_by(request: Request, answer: Answer | None) -> Iterator[str]:
    """The paths of what a request makes. Without an answer they are those that it may have made.

    Rules and connectors may get an id of the server's own, so no prefix finds them.
    """
    if request.method == "PUT" and (found := _MADE_BY.fullmatch(request.path)):
        yield f"/_ml{found[1]}"
    elif request.method == "POST" and answer is not None and (found := _MADE_UNDER.fullmatch(request.path)):
        body = answer.parsed()
        if answer.status < 300 and isinstance(body, dict) and isinstance(body.get("id"), str):
            yield f"{found[1]}/{quote(body['id'])}"


def remove(endpoint: Endpoint, made: Iterable[str]) -> None:
    """What is at these paths, the datafeeds before their jobs and those before their filters."""
    paths = list(made)
    for kind, _, _, options in _KINDS:
        for path in paths:
            if path.startswith(f"{kind}/"):
                endpoint.call("DELETE", path, **options)


def stop_upgrade_mode(endpoint: Endpoint) -> None:
    endpoint.call("POST", _UPGRADE_MODE, enabled="false")


def sweep(endpoint: Endpoint, prefix: str) -> list[str]:
    """Ends a run: also indices, and messages and annotations about its jobs; returns what stays, with a reason."""
    remove(endpoint, _listed(endpoint, prefix))
    left = []
    for index in _indices(endpoint, prefix):
        deleted = endpoint.call("DELETE", f"/{index}")
        if deleted.status not in (200, 404):
            left.append(f"index [{index}]: {_text(deleted)}")
    left += _delete_documents(endpoint, prefix)
    return left + [f"[{path}]" for path in _listed(endpoint, prefix)]


def _listed(endpoint: Endpoint, prefix: str) -> list[str]:
    """The paths of all whose name begins with ``prefix``, as far as the endpoint lists them as it should."""
    found: list[str] = []
    for path, kind, name, _ in _KINDS:
        if kind:
            rows = _rows(endpoint.call("GET", f"{path}/{prefix}*"), kind)
            found += [f"{path}/{quote(row[name])}" for row in rows if isinstance(row.get(name), str)]
    return found


def _rows(answer: Answer, kind: str) -> list[dict[str, Any]]:
    body = answer.parsed()
    rows = body.get(kind) if isinstance(body, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _indices(endpoint: Endpoint, prefix: str) -> list[str]:
    names = f"/_cat/indices/{prefix}*,.ml-anomalies-custom-{prefix}*"
    rows = endpoint.call("GET", names, expand_wildcards="all", format="json", h="index").parsed()
    return [row["index"] for row in rows] if isinstance(rows, list) else []


def _delete_documents(endpoint: Endpoint, prefix: str) -> list[str]:
    """By bulks, since a small Elasticsearch may come without `_delete_by_query`."""
    query = {"prefix": {"job_id": prefix}}
    options = {"ignore_unavailable": "true", "expand_wildcards": "all"}
    endpoint.call("POST", f"/{_HOMES_OF_DOCUMENTS}/_refresh", **options)
    body = {"size": _PAGE, "query": query, "_source": False, "sort": ["_doc"]}
    while True:
        found = endpoint.call("POST", f"/{_HOMES_OF_DOCUMENTS}/_search", body, **options)
        if found.status != 200:
            return [f"messages and annotations of jobs [{prefix}*]: {_text(found)}"]
        hits = found.parsed()["hits"]["hits"]
        rows = tuple({"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in hits)
        if not rows:
            return []
        deleted = endpoint.send(Request("POST", "/_bulk", {"refresh": "true"}, {}, ndjson=rows))
        if deleted.status != 200 or deleted.parsed().get("errors", True):
            return [f"messages and annotations of jobs [{prefix}*]: {_text(deleted)}"]


def _text(answer: Answer) -> str:
    return answer.body.decode(errors="replace")[:_SHOWN]
