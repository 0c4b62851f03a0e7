"""The stored documents as the API shows them: for each type a table of keys, in output order.

A key without a default is left out where the document lacks it. Timestamps come out as epoch milliseconds.
The machinery is in ``document_table``; ``human`` forms and number formats belong to the HTTP border.
"""

from __future__ import annotations

from proxy.store.results.document_table import (
    Document,
    Key,
    Table,
    to_boolean,
    to_double,
    to_doubles,
    to_long,
    to_longs,
    to_text,
    to_texts,
    to_time,
)
from proxy.store.results.reserved_fields import record_copies, scalar_copy

OLDEST_MODEL_VERSION = "6.3.0"
"""What a snapshot without ``min_version`` counts as: the key came with this version."""


def _double(name: str) -> Key:
    return Key(name, to_double, float)


def _long(name: str) -> Key:
    return Key(name, to_long, int)


def _flag(name: str) -> Key:
    return Key(name, to_boolean, bool)


def _type(name: str) -> Key:
    return Key("result_type", lambda _: name, lambda: name)


def _texts(*names: str) -> tuple[Key, ...]:
    return tuple(Key(name, to_text) for name in names)


BUCKET_INFLUENCER = Table(
    (
        Key("job_id", to_text),
        _type("bucket_influencer"),
        Key("influencer_field_name", to_text),
        _double("initial_anomaly_score"),
        _double("anomaly_score"),
        _double("raw_anomaly_score"),
        _double("probability"),
        Key("timestamp", to_time),
        _long("bucket_span"),
        _flag("is_interim"),
    )
)

BUCKET = Table(
    (
        Key("job_id", to_text),
        Key("timestamp", to_time),
        _double("anomaly_score"),
        _long("bucket_span"),
        _double("initial_anomaly_score"),
        _long("event_count"),
        _flag("is_interim"),
        Key.many("bucket_influencers", BUCKET_INFLUENCER, list),
        _long("processing_time_ms"),
        Key("scheduled_events", to_texts),
        _type("bucket"),
    ),
    finish=lambda bucket: _without_empty(bucket, "scheduled_events"),
)

_INFLUENCE = Table((Key("influencer_field_name", to_text), Key("influencer_field_values", to_texts, list)))
_GEO = Table(_texts("typical_point", "actual_point"))
_EXPLANATION = Table(
    (
        Key("anomaly_type", to_text),
        Key("anomaly_length", to_long),
        Key("single_bucket_impact", to_long),
        Key("multi_bucket_impact", to_long),
        Key("anomaly_characteristics_impact", to_long),
        Key("lower_confidence_bound", to_double),
        Key("typical_value", to_double),
        Key("upper_confidence_bound", to_double),
        Key("high_variance_penalty", to_boolean),
        Key("incomplete_bucket_penalty", to_boolean),
        Key("multimodal_distribution", to_boolean),
        Key("by_field_first_occurrence", to_boolean),
        Key("by_field_relative_rarity", to_double),
    )
)
_WHAT_WAS_MEASURED = (
    *_texts("partition_field_name", "partition_field_value", "function", "function_description"),
    Key("typical", to_doubles),
    Key("actual", to_doubles),
    *_texts("field_name", "over_field_name", "over_field_value"),
)
_BY_FIELD = _texts("by_field_name", "by_field_value", "correlated_by_field_value")
_CAUSE = Table(
    (
        _double("probability"),
        *_BY_FIELD,
        *_WHAT_WAS_MEASURED,
        Key.many("influencers", _INFLUENCE),
        Key.one("geo_results", _GEO),
    )
)

RECORD = Table(
    (
        Key("job_id", to_text),
        _type("record"),
        _double("probability"),
        Key("multi_bucket_impact", to_double),
        _double("record_score"),
        _double("initial_record_score"),
        _long("bucket_span"),
        _long("detector_index"),
        _flag("is_interim"),
        Key("timestamp", to_time),
        *_BY_FIELD,
        *_WHAT_WAS_MEASURED,
        Key.many("causes", _CAUSE),
        Key.many("influencers", _INFLUENCE),
        Key.one("geo_results", _GEO),
        Key.one("anomaly_score_explanation", _EXPLANATION),
    ),
    finish=lambda record: record | record_copies(record),
)


def _with_influencer_copy(influencer: Document) -> Document:
    """The copy stands right behind the value that it repeats."""
    copy = scalar_copy(influencer.get("influencer_field_name"), influencer.get("influencer_field_value"))
    if not copy:
        return influencer
    head = {name: influencer[name] for name in _INFLUENCER_HEAD if name in influencer}
    return head | copy | influencer


_INFLUENCER_HEAD = ("job_id", "result_type", "influencer_field_name", "influencer_field_value")

INFLUENCER = Table(
    (
        Key("job_id", to_text),
        _type("influencer"),
        *_texts("influencer_field_name", "influencer_field_value"),
        _double("influencer_score"),
        _double("initial_influencer_score"),
        _double("probability"),
        _long("bucket_span"),
        _flag("is_interim"),
        Key("timestamp", to_time),
    ),
    finish=_with_influencer_copy,
)


def _finished_category(category: Document) -> Document:
    category = category | {"examples": sorted(set(category["examples"]))}
    if not category.get("num_matches"):
        category.pop("num_matches", None)
    copy = scalar_copy(category.get("partition_field_name"), category.get("partition_field_value"))
    ending = {"result_type": "category_definition", "mlcategory": category["category_id"]}
    return _without_empty(category, "preferred_to_categories") | copy | ending


CATEGORY = Table(
    (
        Key("job_id", to_text),
        _long("category_id"),
        *_texts("partition_field_name", "partition_field_value"),
        Key("terms", to_text, str),
        Key("regex", to_text, str),
        _long("max_matching_length"),
        Key("examples", to_texts, list),
        Key("preferred_to_categories", to_longs),
        Key("num_matches", to_long),
    ),
    finish=_finished_category,
)

MODEL_SIZE_STATS = Table(
    (
        Key("job_id", to_text),
        _type("model_size_stats"),
        _long("model_bytes"),
        Key("peak_model_bytes", to_long),
        Key("model_bytes_exceeded", to_long),
        Key("model_bytes_memory_limit", to_long),
        _long("total_by_field_count"),
        _long("total_over_field_count"),
        _long("total_partition_field_count"),
        _long("bucket_allocation_failures_count"),
        Key("memory_status", to_text, lambda: "ok"),
        Key("assignment_memory_basis", to_text),
        Key("output_memory_allocator_bytes", to_long),
        _long("categorized_doc_count"),
        _long("total_category_count"),
        _long("frequent_category_count"),
        _long("rare_category_count"),
        _long("dead_category_count"),
        _long("failed_category_count"),
        Key("categorization_status", to_text, lambda: "ok"),
        Key("log_time", to_time),
        Key("timestamp", to_time),
    )
)

MODEL_SNAPSHOT = Table(
    (
        Key("job_id", to_text),
        Key("min_version", to_text, lambda: OLDEST_MODEL_VERSION),
        Key("timestamp", to_time),
        *_texts("description", "snapshot_id"),
        _long("snapshot_doc_count"),
        Key.one("model_size_stats", MODEL_SIZE_STATS),
        Key("latest_record_time_stamp", to_time),
        Key("latest_result_time_stamp", to_time),
        _flag("retain"),
    )
)


def _without_empty(document: Document, name: str) -> Document:
    return {key: value for key, value in document.items() if key != name or value}
