"""Listings hold at most 10,000, as Elasticsearch's do, whatever the cluster holds."""

from __future__ import annotations

import asyncio

from proxy.store.datafeeds import Datafeeds
from proxy.store.named_documents import NamedDocuments

MOST = 10_000
DATAFEED = {"job_id": "j", "indices": ["i"], "query": {}}


async def test_at_most_ten_thousand_datafeeds_and_calendars_are_listed(
    loop, store_client, cluster_client, names, make_index
):
    make_index(names.config, "config", names.config_alias)
    lines = []
    for number in range(MOST + 1):
        # Each is a datafeed and a calendar in one, which takes half the time.
        source = {"type": ["datafeed", "calendar"], "datafeed": DATAFEED | {"datafeed_id": f"n{number}"}}
        lines += [{"index": {"_id": f"calendar-n{number}"}}, source]
    await asyncio.to_thread(cluster_client.post, f"/{names.config}/_bulk", ndjson=lines)
    cluster_client.post(f"/{names.config}/_refresh")
    assert len(await Datafeeds(store_client, names).resolve(None)) == MOST
    assert len((await NamedDocuments(store_client, names.config_alias, "calendar", dict).choose("*")).ids) == MOST
