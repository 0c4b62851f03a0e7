"""Single documents that many ask for at once: few requests, and to each the answer that it would get alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.store.client import ClusterClient, ClusterError
from proxy.store.names import Names
from proxy.store.shared_documents import Condition, SharedDocuments


@pytest.fixture
async def documents(loop: object, store_client: ClusterClient, names: Names, make_index: Any) -> SharedDocuments:
    make_index(names.config, "config", names.config_alias)
    return SharedDocuments(store_client, names.config_alias)


async def test_many_are_written_found_and_removed_in_few_requests(
    documents: SharedDocuments, store_client: ClusterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, request = [], store_client.request

    async def counted(method: str, path: str, **more: Any) -> Any:
        paths.append(path)
        return await request(method, path, **more)

    monkeypatch.setattr(store_client, "request", counted)
    ids = [f"job_task-{number}" for number in range(60)]
    await asyncio.gather(*(documents.create(id, {"type": "job_task", "job_id": id}) for id in ids))
    found = await asyncio.gather(*(documents.find(id) for id in [*ids, "nobody"]))
    assert [None if one is None else one["_source"]["job_id"] for one in found] == [*ids, None]
    await asyncio.gather(*(documents.delete(id) for id in [*ids, "nobody"]))
    assert await asyncio.gather(*(documents.find(id) for id in ids)) == [None] * 60
    assert len(paths) == 4, paths


async def test_of_many_only_those_fail_whose_document_is_another_by_now(
    documents: SharedDocuments, names: Names, store_client: ClusterClient
) -> None:
    created = await documents.create("one", {"type": "job", "job_id": "one"})
    state = Condition(created["_seq_no"], created["_primary_term"])
    await documents.put("one", {"type": "job", "job_id": "changed"}, state)
    late = [documents.put("one", {"type": "job", "job_id": "late"}, state)]
    others = [documents.put(f"other-{n}", {"type": "job", "job_id": "o"}, refreshes=n == 4) for n in range(5)]
    outcomes = await asyncio.gather(documents.find("one"), documents.create("one", {}), *late, *others,
                                    return_exceptions=True)  # fmt: skip
    assert outcomes[0]["_source"]["job_id"] == "changed"
    assert [isinstance(each, ClusterError) and each.status == 409 for each in outcomes[1:]] == [True] * 2 + [False] * 5
    hits = await store_client.search_all(names.config_alias, {"term": {"job_id": "o"}})
    assert len(hits) == 5, "those who need it are searchable at once"


async def test_where_the_index_is_gone_nothing_is_found_and_nothing_written(
    loop: object, store_client: ClusterClient, names: Names
) -> None:
    documents = SharedDocuments(store_client, f"{names.config_alias}-of-nobody")
    assert await asyncio.gather(documents.find("a"), documents.find("b")) == [None, None]
    outcomes = await asyncio.gather(documents.create("a", {}), documents.put("b", {}), return_exceptions=True)
    assert [getattr(each, "type", None) for each in outcomes] == ["index_not_found_exception"] * 2
