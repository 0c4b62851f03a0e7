"""State indices that hold nothing any more."""

from __future__ import annotations

from proxy.store.orphans import Orphans


async def test_empty_state_indices_go_but_for_the_one_that_is_written_to(
    loop, store_client, cluster_client, names, make_index
):
    written_to = names.indices.state.replace("000001", "000003")
    empty, full = (names.indices.state.replace("000001", number) for number in ("000002", "000004"))
    make_index(written_to, "state", names.indices.state_write_alias)
    for index in (empty, full):
        assert cluster_client.put(f"/{index}", json_body={"settings": {"number_of_replicas": 0}}).status == 200
    cluster_client.put(f"/{full}/_doc/of-others", json_body={}, query={"refresh": "true"})
    await Orphans(store_client, names).remove_empty_indices()
    assert [cluster_client.get(f"/{index}").status for index in (empty, written_to, full)] == [404, 200, 200]
