"""Messages of a new kind, or far too many of a known one, are found through mlcategory."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proxy.engine import JobEngine
from proxy.job_config.engine_spec import spec_from
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
    assert record["record_score"] >= 50
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


FLOOD = {"function": "count", "by_field_name": "mlcategory"}


@pytest.mark.parametrize(
    "analysis",
    [
        {"categorization_filters": [r"\[id=[^\]]*\]"]},
        {
            "categorization_analyzer": {
                "char_filter": [{"type": "pattern_replace", "pattern": r"\[id=[^\]]*\]", "replacement": " "}],
                "tokenizer": "ml_standard",
            }
        },
    ],
    ids=["filters", "analyzer"],
)
def test_what_is_filtered_from_messages_does_not_part_categories(analysis):
    rows = messages(days=2)
    noisy = [f"[id={''.join(chr(97 + ord(c) % 26) for c in text[::-1])}] {text}" for text in rows.text["message"]]
    rows.text["message"] = noisy
    results = analysed(FLOOD, rows, **analysis)
    assert len({d["category_id"] for d in results.categories}) == 3
    assert not any("id" in d["terms"].split() for d in results.categories)


@pytest.mark.parametrize("stop_on_warn", [False, True])
def test_a_partition_that_cannot_be_categorized_warns_and_is_stopped_if_asked(stop_on_warn):
    rows = messages(days=2)
    alphabet = "bcdfghjklmnpqrstvwxz"
    words = ["".join(alphabet[n // 20**k % 20] for k in range(3)) for n in range(7, 8000, 13)]
    texts = [" ".join(words[i + k] for k in range(3)) for i in range(0, 600, 3)]
    rows.add(START + np.arange(200) * 300, host="well", user="x", message=texts)
    job = config(
        FLOOD | {"partition_field_name": "host"},
        categorization_field_name="message",
        per_partition_categorization={"enabled": True, "stop_on_warn": stop_on_warn},
    )
    engine = JobEngine(spec_from(job))
    engine.add(rows.batch())
    stats = {s["partition_field_value"]: s for s in engine.categorizer_stats()}
    assert stats["sick"]["categorization_status"] == "ok"
    assert stats["well"]["categorization_status"] == "warn"
    assert (stats["well"]["categorized_doc_count"] == 100) == stop_on_warn
    assert engine.model_size()["categorization_status"] == "warn"


def test_a_flood_in_one_partition_is_found_there():
    rows = messages(days=8)
    time = START + 7 * 24 * HOUR
    for host in ("well", "sick"):
        calm = messages(days=8)
        calm.text["host"] = [host] * len(calm.time)
        rows.add(calm.time, host=calm.text["host"], user=calm.text["user"], message=calm.text["message"])
    rows.add(time + np.arange(200) * 10, host="well", user="beta", message="Node beta joined the cluster")
    results = analysed(FLOOD | {"partition_field_name": "host"}, rows, per_partition_categorization={"enabled": True})
    (record,) = [r for r in records_at(results, time) if r["record_score"] >= 75]
    assert record["partition_field_value"] == "well"
    (definition,) = [d for d in results.categories if str(d["category_id"]) == record["by_field_value"]][-1:]
    assert definition["partition_field_value"] == "well"
    assert "joined" in definition["terms"]
    assert blamed(record, "user") == ["beta"]


def test_the_category_can_be_an_influencer():
    rows = messages(days=8)
    time = START + 7 * 24 * HOUR
    rows.add(time + np.arange(200) * 10, host="sick", user="beta", message="Node beta joined the cluster")
    job = config({"function": "count"}, influencers=["mlcategory"], categorization_field_name="message")
    (record,) = records_at(run(job, rows), time)
    assert record["record_score"] >= 75
    assert len(blamed(record, "mlcategory")) == 1
