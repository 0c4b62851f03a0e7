"""Writing results: every item's own outcome is looked at."""

from __future__ import annotations

import orjson
import pytest

from proxy.errors import MlError
from proxy.store.results_write import ResultsWriter


@pytest.fixture
async def writer(loop, store_client, names, indices) -> ResultsWriter:
    await indices.prepare_results("one", "shared", [])
    return ResultsWriter(store_client, names)


def line(action: str, index: str, document_id: str, source: object) -> bytes:
    return b"\n".join([orjson.dumps({action: {"_index": index, "_id": document_id}}), orjson.dumps(source), b""])


def bucket(timestamp: object, **fields: object) -> dict[str, object]:
    return {"job_id": "one", "result_type": "bucket", "timestamp": timestamp, **fields}


async def test_what_is_written_is_found_after_a_refresh(writer, names):
    alias = names.write_alias("one")
    lines = [line("index", alias, f"b{n}", bucket(n, is_interim=n == 2)) for n in range(4)]
    assert await writer.write(lines) == []
    await writer.refresh("one")
    assert await writer.document("one", "b3") == bucket(3, is_interim=False)
    assert await writer.interim_ids("one") == ["b2"]
    assert await writer.document("one", "none") is None
    assert await writer.document("two", "b3") is None


async def test_what_can_never_be_written_is_told_and_the_rest_written(writer, names):
    alias = names.write_alias("one")
    lines = [line("index", alias, "bad", bucket("no date")), line("index", alias, "good", bucket(1))]
    (reason,) = await writer.write(lines)
    assert "timestamp" in reason
    await writer.refresh("one")
    assert await writer.document("one", "good") == bucket(1)


async def test_a_new_score_for_a_result_that_is_gone_is_no_fault(writer, names):
    lines = [line("update", names.write_alias("one"), "gone", {"doc": {"anomaly_score": 1.0}})]
    assert await writer.write(lines) == []


async def test_without_its_alias_nothing_is_written_and_no_index_made(writer, names, store_client):
    with pytest.raises(MlError) as caught:
        await writer.write([line("index", names.write_alias("two"), "x", bucket(1))])
    assert caught.value.status == 503
    found = await store_client.request("GET", f"/{names.write_alias('two')}*", params={"expand_wildcards": "all"})
    assert found == {}


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
    assert await writer.write([line("index", names.write_alias("one"), "x", bucket(1))]) == []
