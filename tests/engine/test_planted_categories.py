"""Messages of a new kind, or far too many of a known one, are found through mlcategory."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.engine.planted import DAYS, HOUR, PLANTED, START, Rows, blamed, config, records_at, run, top_score

SENTENCES = [
    "Node {name} joined the cluster",
    "Connection from {name} accepted on port {number}",
    "Job {name} finished after {number} ms",
]
NAMES = ["alpha", "beta", "gamma", "delta"]


def messages(days=DAYS):
    random, rows = np.random.default_rng(3), Rows()
    for hour in range(days * 24):
        for sentence in SENTENCES:
            for _ in range(int(random.poisson(8))):
                name, number = NAMES[random.integers(0, 4)], int(random.integers(0, 9999))
                time = START + hour * HOUR + int(random.integers(0, HOUR))
                rows.add(time, host="sick", user=name, message=sentence.format(name=name, number=number))
    return rows


def analysed(detector, rows, **analysis):
    return run(config(detector, categorization_field_name="message", **analysis), rows)


@cache
def flooded():
    rows = messages()
    texts = [f"Node beta{i} joined the cluster" for i in range(200)]
    rows.add(PLANTED + np.arange(200) * 10, host="well", user="beta", message=texts)
    return analysed({"function": "count", "by_field_name": "mlcategory"}, rows)


def test_a_flood_of_a_known_message_is_found_in_its_category():
    results = flooded()
    (definition,) = [d for d in results.categories if "joined" in d["terms"]][-1:]
    loud = [r for r in records_at(results, PLANTED) if r["record_score"] >= 75]
    assert [r["by_field_value"] for r in loud] == [str(definition["category_id"])]
    assert loud[0]["by_field_name"] == "mlcategory"
    assert blamed(loud[0], "user") == ["beta"]
    assert top_score(results, outside=[PLANTED]) < 90


def test_there_is_one_category_a_sentence():
    assert {d["category_id"] for d in flooded().categories} == {1, 2, 3}


def test_a_message_never_seen_is_rare():
    rows = messages()
    rows.add(PLANTED + 7, host="sick", user="delta", message="Fatal corruption detected in journal, giving up")
    results = analysed({"function": "rare", "by_field_name": "mlcategory"}, rows)
    (record,) = records_at(results, PLANTED)
    assert record["by_field_value"] == "4"
    assert record["record_score"] >= 60
    assert blamed(record, "user") == ["delta"]
    assert top_score(results, outside=[PLANTED]) < 25


def test_partitions_are_categorized_apart():
    rows = messages(days=3)
    rows.add(START + 2 * 24 * HOUR, host="well", user="x", message="Node alpha joined the cluster")
    results = analysed(
        {"function": "count", "by_field_name": "mlcategory", "partition_field_name": "host"},
        rows,
        per_partition_categorization={"enabled": True},
    )
    found = {(d["partition_field_value"], d["category_id"]) for d in results.categories}
    assert len(found) == 4
    assert {host for host, _ in found} == {"sick", "well"}
