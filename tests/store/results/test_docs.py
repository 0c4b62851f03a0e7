"""Stored documents are read by their tables: order, types, defaults, copies, nothing unknown."""

from __future__ import annotations

from proxy.store.results import docs as result_docs
from proxy.store.results.document_table import Document


def bucket(**changes: object) -> Document:
    stored: Document = {
        "job_id": "j",
        "timestamp": 1464739200000,
        "anomaly_score": 90.0,
        "bucket_span": 3600,
        "initial_anomaly_score": 91.5,
        "event_count": 7,
        "is_interim": False,
        "bucket_influencers": [],
        "processing_time_ms": 3,
        "result_type": "bucket",
    }
    return stored | changes


def record(**changes: object) -> Document:
    return {"job_id": "j", "result_type": "record", "timestamp": 1, "bucket_span": 1} | changes


def test_a_canonical_bucket_reads_back_as_it_is() -> None:
    assert list(result_docs.BUCKET.read(bucket()).items()) == list(bucket().items())


def test_a_bare_bucket_gets_every_default_in_order() -> None:
    read = result_docs.BUCKET.read({"bucket_span": 1, "job_id": "j", "timestamp": "2016-06-01T00:00:00Z"})
    assert list(read.items()) == [
        ("job_id", "j"),
        ("timestamp", 1464739200000),
        ("anomaly_score", 0.0),
        ("bucket_span", 1),
        ("initial_anomaly_score", 0.0),
        ("event_count", 0),
        ("is_interim", False),
        ("bucket_influencers", []),
        ("processing_time_ms", 0),
        ("result_type", "bucket"),
    ]
    assert type(read["anomaly_score"]) is float


def test_a_document_of_a_known_shape_is_converted_again_each_time() -> None:
    first = result_docs.BUCKET.read(bucket(anomaly_score=60, timestamp="2016-06-01"))
    second = result_docs.BUCKET.read(bucket(anomaly_score=61, timestamp="2016-06-02"))
    assert (first["timestamp"], second["timestamp"]) == (1464739200000, 1464825600000)
    assert repr(second["anomaly_score"]) == "61.0"


def test_reading_leaves_the_stored_document_alone() -> None:
    stored = bucket(anomaly_score=60, unknown=1, bucket_influencers=[{"anomaly_score": 1}])
    copy = {**stored, "bucket_influencers": [{"anomaly_score": 1}]}
    result_docs.BUCKET.read(stored)
    assert stored == copy


def test_unknown_fields_are_dropped_at_every_level() -> None:
    read = result_docs.BUCKET.read(bucket(unknown=1, bucket_influencers=[{"job_id": "j", "odd": 2}]))
    assert "unknown" not in read
    assert "odd" not in read["bucket_influencers"][0]


def test_scheduled_events_show_only_when_there_are_any() -> None:
    assert "scheduled_events" not in result_docs.BUCKET.read(bucket(scheduled_events=[]))
    assert result_docs.BUCKET.read(bucket(scheduled_events=["party"]))["scheduled_events"] == ["party"]


def test_null_counts_as_absent() -> None:
    assert result_docs.BUCKET.read(bucket(event_count=None))["event_count"] == 0
    assert "by_field_name" not in result_docs.RECORD.read(record(by_field_name=None))


def test_numbers_written_as_text_or_without_fraction_become_their_types() -> None:
    read = result_docs.RECORD.read(
        record(record_score="80.5", probability=1, detector_index="2", actual=7, typical=["3"])
    )
    assert [repr(read[key]) for key in ("record_score", "probability", "detector_index", "actual", "typical")] == [
        "80.5", "1.0", "2", "[7.0]", "[3.0]"
    ]  # fmt: skip


def test_record_keys_come_in_their_fixed_order() -> None:
    shuffled = record(
        over_field_value="o", over_field_name="on", field_name="f", actual=[1.0], typical=[2.0], function="mean",
        function_description="mean", partition_field_value="p", partition_field_name="pn", by_field_value="b",
        by_field_name="bn", multi_bucket_impact=-5, geo_results={"actual_point": "1,2", "typical_point": "3,4"},
        causes=[{"field_name": "x", "by_field_name": "y", "probability": 0.1}], correlated_by_field_value="c",
        anomaly_score_explanation={"single_bucket_impact": 3, "anomaly_type": "dip"},
        influencers=[{"influencer_field_values": ["v"], "influencer_field_name": "in"}],
    )  # fmt: skip
    read = result_docs.RECORD.read(shuffled)
    assert list(read) == [
        "job_id", "result_type", "probability", "multi_bucket_impact", "record_score", "initial_record_score",
        "bucket_span", "detector_index", "is_interim", "timestamp", "by_field_name", "by_field_value",
        "correlated_by_field_value", "partition_field_name", "partition_field_value", "function",
        "function_description", "typical", "actual", "field_name", "over_field_name", "over_field_value", "causes",
        "influencers", "geo_results", "anomaly_score_explanation", "bn", "on", "pn", "in",
    ]  # fmt: skip
    assert list(read["causes"][0]) == ["probability", "by_field_name", "field_name"]
    assert list(read["geo_results"]) == ["typical_point", "actual_point"]
    assert list(read["anomaly_score_explanation"]) == ["anomaly_type", "single_bucket_impact"]


def test_record_copies_are_recomputed_and_merge_fields_of_one_name() -> None:
    stored = record(
        by_field_name="airline", by_field_value="AAL", airline=["stale"], gone=["x"],
        influencers=[{"influencer_field_name": "airline", "influencer_field_values": ["BAW", "AAL"]}],
    )  # fmt: skip
    read = result_docs.RECORD.read(stored)
    assert read["airline"] == ["AAL", "BAW"]
    assert "gone" not in read


def test_reserved_names_get_no_copy_but_mlcategory_does() -> None:
    read = result_docs.RECORD.read(
        record(
            by_field_name="mlcategory",
            by_field_value="1",
            over_field_name="event.kind",
            over_field_value="login",
            partition_field_name="a.b",
            partition_field_value="",
        )
    )
    assert read["mlcategory"] == ["1"]
    assert "event.kind" not in read
    assert read["a.b"] == [""]


def test_an_influencer_repeats_its_value_behind_it() -> None:
    read = result_docs.INFLUENCER.read(
        {"job_id": "j", "influencer_field_name": "user", "influencer_field_value": "ann"}
    )
    assert list(read)[:5] == ["job_id", "result_type", "influencer_field_name", "influencer_field_value", "user"]
    assert read["user"] == "ann"


def test_a_category_of_an_old_writer_gets_its_type_and_number() -> None:
    read = result_docs.CATEGORY.read({"job_id": "j", "category_id": 3, "examples": ["b", "a", "b"], "num_matches": 0})
    assert list(read.items()) == [
        ("job_id", "j"), ("category_id", 3), ("terms", ""), ("regex", ""), ("max_matching_length", 0),
        ("examples", ["a", "b"]), ("result_type", "category_definition"), ("mlcategory", 3),
    ]  # fmt: skip


def test_a_snapshot_never_shows_its_quantiles_and_knows_the_oldest_version() -> None:
    read = result_docs.MODEL_SNAPSHOT.read(
        {
            "job_id": "j",
            "snapshot_id": "1",
            "quantiles": {"quantile_state": "x"},
            "timestamp": "2016-06-02T00:00:00Z",
            "snapshot_doc_count": 1,
        }
    )
    assert list(read.items()) == [
        ("job_id", "j"), ("min_version", "6.3.0"), ("timestamp", 1464825600000), ("snapshot_id", "1"),
        ("snapshot_doc_count", 1), ("retain", False),
    ]  # fmt: skip


def test_size_stats_inside_a_snapshot_are_completed() -> None:
    read = result_docs.MODEL_SNAPSHOT.read({"model_size_stats": {"job_id": "j", "model_bytes": 20}})
    stats = read["model_size_stats"]
    assert (stats["result_type"], stats["model_bytes"], stats["memory_status"]) == ("model_size_stats", 20, "ok")
    assert "log_time" not in stats
