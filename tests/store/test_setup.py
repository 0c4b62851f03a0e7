"""Making the indices and aliases that jobs need."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import MlError


async def settings_of(client, index: str) -> dict[str, object]:
    answer = await client.request("GET", f"/{index}/_settings", params={"flat_settings": True})
    return answer[index]["settings"]


async def aliases_of(client, index: str) -> dict[str, object]:
    return (await client.request("GET", f"/{index}/_alias"))[index]["aliases"]


async def properties_of(client, index: str) -> dict[str, object]:
    return (await client.request("GET", f"/{index}/_mapping"))[index]["mappings"]["properties"]


async def test_all_shared_indices_are_made_hidden_once_and_again_when_lost(store_client, names, indices):
    await asyncio.gather(*[indices.ensure_own() for _ in range(3)])
    await store_client.request("DELETE", f"/{names.journal}")
    await indices.ensure_own()
    own = names.indices
    for index in (own.config, own.journal, own.notifications, own.state, own.annotations):
        settings = await settings_of(store_client, index)
        assert settings["index.hidden"] == "true", index
        assert settings["index.number_of_shards"] == "1"
        assert settings["index.auto_expand_replicas"] == "0-1"
    assert await aliases_of(store_client, own.state) == {own.state_write_alias: {"is_hidden": True}}
    assert set(await aliases_of(store_client, own.journal)) == {names.journal_write_alias}
    assert set(await aliases_of(store_client, own.notifications)) == {names.notifications_write_alias}
    assert set(await aliases_of(store_client, own.annotations)) == {
        own.annotations_read_alias,
        own.annotations_write_alias,
    }


async def test_what_is_missing_is_told_and_an_alias_that_is_lost_is_added(store_client, names, indices):
    own = names.indices
    assert set(await indices.ensure_own()) == set(await indices.identities())
    before = await indices.identities()
    await store_client.request("DELETE", f"/{own.state},{own.journal}")
    await store_client.request("DELETE", f"/{own.notifications}/_alias/{names.notifications_write_alias}")
    assert set(await indices.identities()) == set(before) - {own.state, own.journal}
    assert set(await indices.ensure_own()) == {own.state, own.journal}
    after = await indices.identities()
    assert {name for name in before if before[name] != after[name]} == {own.state, own.journal}
    assert set(await aliases_of(store_client, own.notifications)) == {names.notifications_write_alias}
    assert await indices.ensure_own() == []


async def test_an_alias_that_leads_to_another_index_stays_there(store_client, names, indices):
    own = names.indices
    await indices.ensure_own()
    other = own.state.replace("000001", "000002")
    move = [{"remove": {"index": own.state, "alias": own.state_write_alias}}]
    await store_client.request("PUT", f"/{other}", body={"aliases": {own.state_write_alias: {"is_hidden": True}}})
    await store_client.request("POST", "/_aliases", body={"actions": move})
    await indices.ensure_own()
    assert await aliases_of(store_client, own.state) == {}


async def test_two_proxies_may_set_up_at_once(config, names, indices, store_client):
    from proxy.store.client import ClusterClient
    from proxy.store.setup import Indices

    other_client = ClusterClient(config.elasticsearch)
    try:
        await asyncio.gather(indices.ensure_own(), Indices(other_client, names).ensure_own())
    finally:
        await other_client.close()
    assert await properties_of(store_client, names.config)


async def test_results_get_an_index_two_aliases_and_their_fields(store_client, names, indices):
    await indices.prepare_results("one", "shared", ["airline", "geo.city", "timestamp", "job_id"])
    index = names.results("shared")
    aliases = await aliases_of(store_client, index)
    assert aliases[names.read_alias("one")] == {
        "filter": {"term": {"job_id": {"value": "one"}}},
        "is_hidden": True,
    }
    assert aliases[names.write_alias("one")] == {"is_hidden": True}
    properties = await properties_of(store_client, index)
    assert properties["airline"] == {"type": "keyword"}
    assert properties["geo"]["properties"]["city"] == {"type": "keyword"}
    assert properties["timestamp"]["type"] == "date", "the results' own fields stay as they are"
    assert (await settings_of(store_client, index))["index.hidden"] == "true"


async def test_jobs_share_an_index_and_see_only_their_own(store_client, names, indices):
    for job_id in ("one", "two"):
        await indices.prepare_results(job_id, "shared", [])
        await store_client.request(
            "POST", f"/{names.write_alias(job_id)}/_doc", params={"refresh": True}, body={"job_id": job_id}
        )
    hits = await store_client.search_all(names.read_alias("one"), {"match_all": {}})
    assert [hit["_source"] for hit in hits] == [{"job_id": "one"}]


async def test_a_field_inside_another_field_is_possible_where_both_are_copied(store_client, names, indices):
    await indices.prepare_results("one", "shared", ["a", "a.b"])
    assert "a" in await properties_of(store_client, names.results("shared"))


async def test_a_clash_with_another_jobs_field_is_told(store_client, names, indices):
    await indices.prepare_results("one", "shared", ["geo.city"])
    with pytest.raises(MlError) as caught:
        await indices.prepare_results("two", "shared", ["geo"])
    assert caught.value.status == 400
    assert caught.value.reason.startswith("This job would cause a mapping clash with existing field [geo]")


async def test_too_many_fields_are_told(store_client, names, indices):
    with pytest.raises(MlError) as caught:
        await indices.prepare_results("one", "shared", [f"field-{number}" for number in range(2000)])
    assert caught.value.reason == (
        f"Cannot create job in index '{names.results('shared')}' as the index.mapping.total_fields.limit setting "
        "will be violated"
    )


async def test_of_many_jobs_only_those_are_mended_that_lack_something(store_client, names, indices):
    jobs = [f"job-{number}" for number in range(30)]
    await asyncio.gather(*(indices.prepare_results(job_id, "shared", []) for job_id in jobs))
    gone = {"remove": {"index": names.results("shared"), "alias": names.read_alias("job-7")}}
    await store_client.request("POST", "/_aliases", body={"actions": [gone]})
    mended = await asyncio.gather(*(indices.ensure_results(job_id, "shared", []) for job_id in jobs))
    assert [job_id for job_id, is_mended in zip(jobs, mended, strict=True) if is_mended] == ["job-7"]
    aliases = await aliases_of(store_client, names.results("shared"))
    assert {names.read_alias(job_id) for job_id in jobs} <= aliases.keys()
    targets = await asyncio.gather(*(indices.targets(job_id, "shared") for job_id in jobs))
    assert [results for results, _, _ in targets] == [names.write_alias(job_id) for job_id in jobs]
