"""Annotations by the system that say the same thing again and again, each time with newer figures."""

from __future__ import annotations

from proxy.store.client import ClusterClient, Params, quote_expression
from proxy.store.gone import MakeAnew, with_index
from proxy.store.names import Names
from proxy.store.results import ids as result_ids

_AUTHOR = "_xpack"


class Annotations:
    def __init__(self, client: ClusterClient, names: Names, make_anew: MakeAnew) -> None:
        self._client = client
        self._make_anew = make_anew
        self._index = quote_expression(names.indices.annotations_write_alias)

    async def delayed_data(self, job_id: str, run_ms: int, span_ms: tuple[int, int], text: str, *, now_ms: int) -> None:
        """Says which documents a run of a datafeed has missed; one run has one annotation."""
        start_ms, end_ms = span_ms
        changed = {"annotation": text, "timestamp": start_ms, "end_timestamp": end_ms,
                   "modified_time": now_ms, "modified_username": _AUTHOR}  # fmt: skip
        created = {"job_id": job_id, "create_time": now_ms, "create_username": _AUTHOR, "type": "annotation",
                   "event": "delayed_data"}  # fmt: skip
        document = quote_expression(result_ids.delayed_data_annotation(job_id, run_ms))
        body = {"doc": changed, "upsert": created | changed}
        path = f"/{self._index}/_update/{document}"
        params: Params = {"retry_on_conflict": 3, "refresh": True, "require_alias": True}
        await with_index(
            lambda: self._client.request("POST", path, params=params, body=body, retry=True), self._make_anew
        )
