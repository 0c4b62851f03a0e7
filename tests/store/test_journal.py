"""What an open job was given: written before it counts, gone once a saved model contains it."""

from __future__ import annotations

import base64

import orjson
import pytest

from proxy.errors import MlError
from proxy.store import journal as module
from proxy.store.journal import Journal, JournalGone, Saved
from proxy.store.left_behind import LeftBehindReader


class ReadJournal(Journal):
    """A journal that looks for itself what there is of a job."""

    reader: LeftBehindReader

    async def read_all(self, job_id: str) -> tuple[Saved | None, list[tuple[int, bytes]]]:
        left = await self.reader.read(job_id)
        return await self.read(job_id, left.journal)


def readable(store_client, names) -> ReadJournal:
    journal = ReadJournal(store_client, names)
    journal.reader = LeftBehindReader(store_client, names)
    return journal


async def append_all(journal: Journal, job_id: str, first: int, payloads: list[bytes]) -> int:
    for payload in payloads:
        first = await journal.append(job_id, first, payload)
    return first


@pytest.fixture
async def journal(loop, store_client, names, make_index) -> ReadJournal:
    make_index(names.journal, "journal", names.journal_write_alias)
    return readable(store_client, names)


async def test_entries_read_back_in_order(journal):
    following = await append_all(journal, "one", 0, [b"a", b"\x00\xff"])
    assert following == 2
    assert await append_all(journal, "one", following, [b"c"]) == 3
    assert await journal.read_all("one") == (None, [(0, b"a"), (1, b"\x00\xff"), (2, b"c")])


async def test_more_entries_than_one_page_read_back_in_order(journal):
    payloads = [str(number).encode() for number in range(37)]
    await append_all(journal, "one", 0, payloads)
    assert await journal.read_all("one") == (None, list(enumerate(payloads)))


async def test_jobs_have_journals_of_their_own(journal):
    await append_all(journal, "one", 0, [b"a"])
    await append_all(journal, "two", 0, [b"b"])
    await journal.clear("one")
    assert await journal.read_all("one") == (None, [])
    assert await journal.read_all("two") == (None, [(0, b"b")])


async def test_a_saved_model_takes_the_place_of_what_it_contains(journal):
    await append_all(journal, "one", 0, [b"a", b"b", b"c"])
    await journal.save_model("one", Saved(1, b"model of a and b"))
    assert await journal.read_all("one") == (Saved(1, b"model of a and b"), [(2, b"c")])
    await journal.save_model("one", Saved(2, b"model of all"))
    assert await journal.read_all("one") == (Saved(2, b"model of all"), [])


async def test_a_model_may_be_saved_again_at_the_same_place(journal):
    await journal.save_model("one", Saved(3, b"first"))
    await journal.save_model("one", Saved(3, b"second"))
    assert (await journal.read_all("one"))[0] == Saved(3, b"second")


async def test_a_large_model_is_kept_in_parts(journal, monkeypatch):
    monkeypatch.setattr(module, "MAX_PAYLOAD_BYTES", 10)
    model = bytes(range(256))
    await journal.save_model("one", Saved(7, model))
    assert (await journal.read_all("one"))[0] == Saved(7, model)


async def test_a_model_whose_writing_was_cut_short_does_not_count(journal, store_client, names, monkeypatch):
    await journal.save_model("one", Saved(1, b"old"))
    await append_all(journal, "one", 2, [b"later"])
    source = {"job_id": "one", "kind": "model:2", "sequence": 2, "payload": "aGFsZg=="}
    lines = [orjson.dumps({"index": {"_index": names.journal, "_id": "one#model#2#0"}}), orjson.dumps(source)]
    assert await store_client.bulk(b"\n".join(lines) + b"\n") == []
    assert await journal.read_all("one") == (Saved(1, b"old"), [(2, b"later")])


async def test_an_empty_model_is_a_model(journal):
    await journal.save_model("one", Saved(0, b""))
    assert (await journal.read_all("one"))[0] == Saved(0, b"")


async def test_an_entry_that_is_set_aside_is_kept_and_not_read(journal, store_client, names):
    await append_all(journal, "one", 0, [b"a", b"b"])
    await journal.set_aside("one", 1)
    assert await journal.read_all("one") == (None, [(0, b"a")])
    # Its number is free again.
    await append_all(journal, "one", 1, [b"c"])
    await journal.save_model("one", Saved(5, b"model"))
    await journal.clear("one")
    assert await payloads_in(store_client, names) == [b"b"]
    await journal.forget("one")
    assert await payloads_in(store_client, names) == []


async def test_what_is_not_there_cannot_be_set_aside(journal):
    await journal.set_aside("one", 3)
    assert await journal.read_all("one") == (None, [])


async def payloads_in(store_client, names) -> list[bytes]:
    await store_client.request("POST", f"/{names.journal}/_refresh")
    hits = await store_client.search_all(names.journal, {"match_all": {}})
    return [base64.b64decode(hit["_source"]["payload"]) for hit in hits]


async def test_writing_again_under_the_same_number_replaces(journal):
    await append_all(journal, "one", 0, [b"a"])
    await append_all(journal, "one", 0, [b"b"])
    assert await journal.read_all("one") == (None, [(0, b"b")])


async def test_a_refused_try_that_lands_late_does_not_take_the_place_of_the_next(journal, store_client, names):
    """The cluster may carry out what it did not answer in time, also behind what came after."""
    await append_all(journal, "one", 0, [b"refused"])
    await store_client.request("POST", f"/{names.journal}/_refresh")
    (late,) = await store_client.search_all(names.journal, {"match_all": {}})
    await append_all(journal, "one", 0, [b"acknowledged"])
    line = orjson.dumps({"index": {"_index": names.journal, "_id": late["_id"]}})
    assert await store_client.bulk(line + b"\n" + orjson.dumps(late["_source"]) + b"\n", refresh=True) == []
    assert await journal.read_all("one") == (None, [(0, b"acknowledged")])


async def test_a_write_makes_no_journal_by_itself_where_somebody_has_deleted_it(store_client, names):
    journal = readable(store_client, names)
    with pytest.raises(JournalGone):
        await journal.append("one", 0, b"a")
    with pytest.raises(JournalGone):
        await journal.save_model("one", Saved(0, b"model"))
    assert not await store_client.exists(f"/{names.journal}")
    assert not await store_client.exists(f"/{names.journal_write_alias}")


@pytest.mark.scenario(7)
async def test_a_clock_that_is_put_back_between_two_tries_puts_none_in_front_of_the_other(journal, monkeypatch):
    now = 1_700_000_000_000_000_000
    monkeypatch.setattr(module.time, "time_ns", lambda: now)
    await append_all(journal, "one", 0, [b"refused"])
    now -= 3_600_000_000_000
    await append_all(journal, "one", 0, [b"acknowledged"])
    assert await journal.read_all("one") == (None, [(0, b"acknowledged")])


async def test_a_journal_that_was_made_without_its_mapping_is_read(store_client, names):
    """Its texts are mapped as words then, of which a job's id may have several."""
    await store_client.find("DELETE", f"/{names.journal}")
    body = {"aliases": {names.journal_write_alias: {}}}
    await store_client.request("PUT", f"/{names.journal}", body=body)
    journal = readable(store_client, names)
    await append_all(journal, "with-a-dash", 0, [b"a", b"b"])
    await append_all(journal, "with-another", 0, [b"c"])
    assert await journal.read_all("with-a-dash") == (None, [(0, b"a"), (1, b"b")])
    await journal.clear("with-a-dash")
    assert await journal.read_all("with-a-dash") == (None, [])
    assert await journal.read_all("with-another") == (None, [(0, b"c")])
    await store_client.find("DELETE", f"/{names.journal}")


async def test_entries_that_cannot_be_written_are_told_and_do_not_count(journal, store_client, names):
    await store_client.request("PUT", f"/{names.journal}/_settings", body={"index.blocks.write": True})
    with pytest.raises(MlError) as caught:
        await append_all(journal, "one", 0, [b"a"])
    assert caught.value.status == 503
    assert "the cluster did not store the data" in caught.value.reason
    await store_client.request("PUT", f"/{names.journal}/_settings", body={"index.blocks.write": None})
    assert await journal.read_all("one") == (None, [])


async def test_without_an_index_there_is_nothing_to_read_or_clear(store_client, names):
    journal = readable(store_client, names)
    assert await journal.read_all("one") == (None, [])
    await journal.clear("one")


async def test_who_has_read_the_journal_drops_what_a_model_contains_without_looking_for_it(
    journal, store_client, names, monkeypatch
):
    await append_all(journal, "one", 0, [b"a"])
    await journal.save_model("one", Saved(0, b"old"))
    await append_all(journal, "one", 1, [b"left"])
    reader = readable(store_client, names)
    assert await reader.read_all("one") == (Saved(0, b"old"), [(1, b"left")])
    await append_all(reader, "one", 2, [b"refused", b"acknowledged", b"later"])
    monkeypatch.setattr(store_client, "search_all", None)
    await reader.save_model("one", Saved(3, b"new"))
    monkeypatch.undo()
    assert sorted(await payloads_in(store_client, names)) == [b"later", b"new"]
    await reader.save_model("one", Saved(3, b"again"))
    await reader.save_model("one", Saved(5, b"last"))
    assert await payloads_in(store_client, names) == [b"last"]
