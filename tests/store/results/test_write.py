"""Writing results: every item's own outcome is looked at."""

from __future__ import annotations

import re

import orjson
import pytest

from proxy.errors import MlError
from proxy.runtime.documents import rewrite_lines
from proxy.store.left_behind import LeftBehindReader
from proxy.store.results.write import ResultsBlocked, ResultsWriter
from tests.store.test_client import answering, client_of


@pytest.fixture
async def writer(loop, store_client, names, indices) -> ResultsWriter:
    await indices.prepare_results("one", "shared", [])
    return ResultsWriter(store_client, names)


def line(action: str, index: str, document_id: str, source: object) -> bytes:
    return b"\n".join([orjson.dumps({action: {"_index": index, "_id": document_id}}), orjson.dumps(source), b""])


def bucket(timestamp: object, **fields: object) -> dict[str, object]:
    return {"job_id": "one", "result_type": "bucket", "timestamp": timestamp, **fields}


async def test_what_is_written_is_found_after_a_refresh(writer, names, store_client):
    alias = names.write_alias("one")
    lines = [line("index", alias, f"b{n}", bucket(n, is_interim=n == 2)) for n in range(4)]
    assert await writer.write(lines) == []
    await writer.refresh("one")
    assert await writer.documents("one", ["none", "b3"]) == {"b3": bucket(3, is_interim=False)}
    assert (await LeftBehindReader(store_client, names).read("one")).interim_ids == ["b2"]
    assert await writer.documents("two", ["b3"]) == {}


async def test_what_is_too_much_for_one_request_is_written_in_several(writer, names):
    """The HTTP client warns of requests that hold up the loop, and here a warning is an error."""
    alias = names.write_alias("one")
    lines = [line("index", alias, f"b{n}", bucket(n, quantiles={"state": "x" * 400_000})) for n in range(6)]
    assert await writer.write(lines) == []
    assert len(await writer.stored("one", [f"b{n}" for n in range(6)])) == 6


async def test_what_can_never_be_written_is_told_and_the_rest_written(writer, names):
    alias = names.write_alias("one")
    lines = [line("index", alias, "bad", bucket("no date")), line("index", alias, "good", bucket(1))]
    (reason,) = await writer.write(lines)
    assert "timestamp" in reason
    await writer.refresh("one")
    assert await writer.documents("one", ["good"]) == {"good": bucket(1)}


async def test_a_result_that_others_changed_or_deleted_stays_as_they_left_it(writer, names):
    alias = names.write_alias("one")
    ids = ["same", "changed", "gone"]
    await writer.write([line("index", alias, name, bucket(1)) for name in ids])
    stored = await writer.stored("one", [*ids, "absent"])
    assert [(result.id, result.source) for result in stored] == [(name, bucket(1)) for name in ids]
    await writer.write(
        [line("index", alias, "changed", bucket(2)), orjson.dumps({"delete": {"_index": alias, "_id": "gone"}}) + b"\n"]
    )
    fresh = ((result, {**result.source, "anomaly_score": 5.0}) for result in stored)
    assert await writer.write(rewrite_lines(alias, fresh)) == []
    assert {result.id: result.source.get("anomaly_score") for result in await writer.stored("one", ids)} == {
        "same": 5.0,
        "changed": None,
    }


async def test_nothing_is_stored_where_the_alias_is_gone(writer):
    assert await writer.stored("two", ["x"]) == []


async def test_without_its_alias_nothing_is_written_and_no_index_made(writer, names, store_client):
    with pytest.raises(MlError) as caught:
        await writer.write([line("index", names.write_alias("two"), "x", bucket(1))])
    assert caught.value.status == 503
    found = await store_client.request("GET", f"/{names.write_alias('two')}*", params={"expand_wildcards": "all"})
    assert found == {}


@pytest.mark.scenario(2)
async def test_items_that_are_rejected_for_want_of_room_are_sent_again(config, names):
    error = {"type": "es_rejected_execution_exception", "reason": "too many wait"}
    taken, rejected = {"index": {"status": 201}}, {"index": {"status": 429, "error": error}}
    lines = [line("index", "alias", name, bucket(1)) for name in "xy"]
    # Apart after they were sent with others, and then only what was rejected.
    answers = [(200, {"errors": True, "items": [taken, rejected]})] * 2 + [(200, {"errors": False, "items": [taken]})]
    async with answering(*answers) as (url, heads), client_of(config, url) as client:
        assert await ResultsWriter(client, names).write(lines) == []
    lengths = [int(re.search(rb"content-length: (\d+)", head.lower())[1]) for head in heads]
    assert lengths == [len(b"".join(lines)), len(b"".join(lines)), len(lines[1])]


@pytest.mark.scenario(8)
@pytest.mark.parametrize("block", ["read_only_allow_delete", "write", "read_only"])
async def test_a_block_on_the_index_is_not_the_end_of_what_was_to_be_written(writer, names, store_client, block):
    path, setting = f"/{names.results('shared')}/_settings", f"index.blocks.{block}"
    await store_client.request("PUT", path, body={setting: True})
    try:
        with pytest.raises(MlError) as caught:
            await writer.write([line("index", names.write_alias("one"), "x", bucket(1))])
    finally:
        await store_client.request("PUT", path, body={setting: None})
    assert caught.value.status == 503
    assert "blocked by" in caught.value.reason
    assert isinstance(caught.value, ResultsBlocked), "which the job's users are told"
    assert await writer.write([line("index", names.write_alias("one"), "x", bucket(1))]) == []


@pytest.mark.scenario(8)
async def test_a_closed_index_is_not_the_end_of_what_was_to_be_written(writer, names, store_client):
    index, lines = names.results("shared"), [line("index", names.write_alias("one"), "x", bucket(1))]
    await store_client.request("POST", f"/{index}/_close")
    with pytest.raises(ResultsBlocked, match="closed"):
        await writer.write(lines)
    await store_client.request("POST", f"/{index}/_open", params={"wait_for_active_shards": 1})
    assert await writer.write(lines) == []
