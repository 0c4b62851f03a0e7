"""Buckets, records, influencers and categories of one job. Overall buckets are in ``overall_buckets``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import orjson

from proxy.api.call import Call
from proxy.api.render import Prepared, to_json, with_human_times
from proxy.api.rules import results as rules
from proxy.api.rules.grok_pattern import grok_pattern
from proxy.api.rules.paging import page_of
from proxy.api.services import Services
from proxy.errors import not_found
from proxy.store import PART_OF_PAGE, Pages, result_docs, result_pages, result_queries

Document = dict[str, Any]
# Times of results, at any depth of a document; input fields cannot bear these names.
TIME_FIELDS = frozenset({"timestamp", "log_time", "latest_record_time_stamp", "latest_result_time_stamp"})
# Answers of this size are read in a thread: they would hold up the loop.
_LARGE_BYTES = 50_000
# Expanding a page of buckets asks for the records of each.
_SEARCHES_AT_ONCE = 8


async def get_buckets(call: Call, services: Services) -> Prepared:
    timestamp = rules.bucket_timestamp(call)
    page = page_of(call)
    sort, desc = call.option("sort", "timestamp"), call.option("desc", False)
    await services.store.jobs.get(call.path["job_id"])
    if timestamp is None:
        query = result_queries.buckets(rules.result_filter(call, "anomaly_score"), sort=sort, desc=desc, page=page)
    else:
        query = result_queries.bucket_at(timestamp, sort=sort, desc=desc)
    if timestamp is None and not call.option("expand", False):
        return await _page(call, services, "buckets", query, result_pages.BUCKETS)
    found = await services.store.results.find(call.path["job_id"], query)
    if timestamp is not None and found.total == 0:
        raise not_found("Could not find requested buckets")
    buckets = [result_docs.BUCKET.read(source) for source in found.sources()]
    if call.option("expand", False):
        buckets = await _all_expanded(buckets, call, services)
    return page_reply(call, "buckets", found.total, buckets)


async def get_records(call: Call, services: Services) -> Prepared:
    page = page_of(call)
    await services.store.jobs.get(call.path["job_id"])
    query = result_queries.records(
        rules.result_filter(call, "record_score"),
        sort=call.option("sort", "record_score"),
        desc=call.option("desc", True),
        page=page,
    )
    return await _page(call, services, "records", query, result_pages.RECORDS)


async def get_influencers(call: Call, services: Services) -> Prepared:
    page = page_of(call)
    await services.store.jobs.get(call.path["job_id"])
    query = result_queries.influencers(
        rules.result_filter(call, "influencer_score"),
        sort=call.option("sort", "influencer_score"),
        desc=call.option("desc", True),
        page=page,
    )
    return await _page(call, services, "influencers", query, result_pages.INFLUENCERS)


async def get_categories(call: Call, services: Services) -> Prepared:
    category_id = rules.category_id(call)
    page = page_of(call)
    await services.store.jobs.get(call.path["job_id"])
    query = result_queries.categories(category_id, call.option("partition_field_value"), page)
    found = await services.store.results.find(call.path["job_id"], query)
    # Each category's pattern is looked for in all of its examples: too long for the event loop.
    shown = await asyncio.to_thread(lambda: [_category(source) for source in found.sources()])
    return page_reply(call, "categories", found.total, shown)


def _category(source: Document) -> Document:
    """The pattern is never stored: it stands between the examples and what newer writers add."""
    category = result_docs.CATEGORY.read(source)
    head, tail = {}, dict(category)
    for name in tuple(tail):
        head[name] = tail.pop(name)
        if name == "examples":
            break
    return head | {"grok_pattern": grok_pattern(category["regex"], category["examples"])} | tail


async def _all_expanded(buckets: Sequence[Document], call: Call, services: Services) -> list[Document]:
    limit = asyncio.Semaphore(_SEARCHES_AT_ONCE)

    async def expanded(bucket: Document) -> Document:
        async with limit:
            return await _expanded(bucket, call.path["job_id"], services)

    return list(await asyncio.gather(*map(expanded, buckets)))


async def _expanded(bucket: Document, job_id: str, services: Services) -> Document:
    """The bucket with its records behind its scores; without bucket influencers it has none."""
    if not bucket["bucket_influencers"]:
        return bucket
    query = result_queries.records_of_bucket(bucket["timestamp"], is_interim=bucket["is_interim"])
    found = await services.store.results.find(job_id, query)
    if not found.hits:
        return bucket
    records = [result_docs.RECORD.read(source) for source in found.sources()]
    expanded: Document = {}
    for name, value in bucket.items():
        expanded[name] = value
        if name == "initial_anomaly_score":
            expanded["records"] = records
    return expanded


async def _page(call: Call, services: Services, name: str, query: result_queries.Query, pages: Pages) -> Prepared:
    """``{"count": …, "<name>": […]}``: documents become text part by part, in a thread where they are many."""
    total, texts = 0, []
    async with aclosing(services.store.results.answers_in_parts(call.path["job_id"], query)) as answers:
        async for answer in answers:
            is_large = len(answer) > _LARGE_BYTES
            part = await asyncio.to_thread(pages.part, answer) if is_large else pages.part(answer)
            total = total or part.total
            texts += part.texts
            if len(part.texts) < PART_OF_PAGE:
                break
    text = _page_text(name, total, texts)
    if call.human:
        body = human_times(orjson.loads(text))
        return Prepared(to_json(body), lambda: body)
    return Prepared(text, lambda: orjson.loads(text))


def _page_text(name: str, total: int, texts: list[bytes]) -> bytes:
    """Joined at once: a large page is not copied more often than it must be."""
    head = b'{"count":%d,"%s":[' % (total, name.encode())
    if not texts:
        return head + b"]}"
    texts[0] = head + b"{" + texts[0]
    texts[-1] += b"}]}"
    return b"},{".join(texts)


def page_reply(call: Call, name: str, total: int, documents: Sequence[Document]) -> Prepared:
    """A page whose documents are at hand, with readable times if the client is human."""
    shown = human_times(documents) if call.human else documents
    body = {"count": total, name: shown}
    return Prepared(to_json(body), lambda: body)


def human_times(value: Any) -> Any:
    """A copy in which every time, at any depth, is preceded by the same time as text."""
    if isinstance(value, list):
        return [human_times(part) for part in value]
    if not isinstance(value, dict):
        return value
    return with_human_times({name: human_times(part) for name, part in value.items()}, TIME_FIELDS)
