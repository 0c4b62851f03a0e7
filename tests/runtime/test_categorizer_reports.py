"""Statistics of categorizers are written on a new status, and before a model is saved where there is news."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.runtime.categorizer_reports import CategorizerReports, stats_documents, status_annotation

COUNTS = {
    "categorized_doc_count": 100,
    "total_category_count": 1,
    "frequent_category_count": 1,
    "rare_category_count": 0,
    "dead_category_count": 0,
    "failed_category_count": 0,
}


def stats(status: str, partition: str | None = None, **counts: int) -> dict[str, Any]:
    named = {} if partition is None else {"partition_field_name": "dc", "partition_field_value": partition}
    return {**named, **COUNTS, **counts, "categorization_status": status}


def test_a_status_begins_as_ok_and_is_told_when_it_changes() -> None:
    reports = CategorizerReports()
    assert reports.changed([stats("ok")]) == []
    assert reports.changed([stats("warn")]) == [stats("warn")]
    assert reports.changed([stats("warn", categorized_doc_count=200)]) == []
    assert reports.changed([stats("ok")]) == [stats("ok")]


def test_partitions_are_counted_only_where_one_is_or_was_not_ok() -> None:
    reports = CategorizerReports()
    reports.grown([stats("ok", "a")])
    assert not reports.may_have_changed({})
    assert not reports.may_have_changed({"categorization_status": "ok"})
    assert reports.may_have_changed({"categorization_status": "warn"})
    reports.changed([stats("warn", "a")])
    assert reports.may_have_changed({"categorization_status": "ok"})


def test_each_partition_has_its_own_status() -> None:
    reports = CategorizerReports()
    assert reports.changed([stats("ok", "a"), stats("warn", "b")]) == [stats("warn", "b")]
    assert reports.changed([stats("warn", "a"), stats("warn", "b")]) == [stats("warn", "a")]


def test_what_has_had_no_messages_since_is_not_told_again() -> None:
    reports = CategorizerReports()
    both = [stats("ok", "a"), stats("ok", "b")]
    assert reports.grown(both) == both
    assert reports.grown(both) == []
    more = stats("ok", "b", failed_category_count=1)
    assert reports.grown([stats("ok", "a"), more]) == [more]


def test_what_was_told_survives_as_json() -> None:
    reports = CategorizerReports()
    reports.changed([stats("warn"), stats("warn", "a")])
    again = CategorizerReports.from_state(orjson.loads(orjson.dumps(reports.state())))
    assert again == reports


def test_a_document_of_a_partition_has_the_documented_keys_and_the_hash_of_its_value() -> None:
    [(document_id, source)] = stats_documents("j", [stats("ok", "hello")], 7, 5)
    assert document_id == "j_categorizer_stats_7_-69324146290566373985303187135944319719_5"
    assert list(source) == [
        "job_id", "result_type", "partition_field_name", "partition_field_value", "dc", *COUNTS,
        "categorization_status", "log_time", "timestamp",
    ]  # fmt: skip
    assert source["dc"] == "hello"
    assert (source["log_time"], source["timestamp"]) == (7, 5)


def test_a_document_without_partitions_names_none() -> None:
    [(document_id, source)] = stats_documents("j", [stats("ok")], 7, 5)
    assert document_id == "j_categorizer_stats_7"
    assert not [key for key in source if key.startswith("partition")]


def test_the_note_names_the_partition() -> None:
    assert status_annotation(stats("warn", "east"), 5) == {
        "annotation": "Categorization status changed to 'warn' for 'dc' 'east'",
        "timestamp": 5,
        "end_timestamp": 5,
        "partition_field_name": "dc",
        "partition_field_value": "east",
        "event": "categorization_status_change",
    }
    assert status_annotation(stats("ok"), 5)["annotation"] == "Categorization status changed to 'ok'"
