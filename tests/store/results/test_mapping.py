"""The mapping of results indices: UI clients query them, so names and types are part of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.resources import resource_dir
from proxy.store.results import docs
from proxy.store.results.document_table import (
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

TYPES = {
    "keyword": """result_type by_field_name over_field_name partition_field_name field_name function
        function_description influencer_field_name model_feature snapshot_id min_version memory_status
        assignment_memory_basis regex mlcategory scheduled_events forecast_id forecast_messages forecast_status job_id
        by_field_value over_field_value partition_field_value influencer_field_value""",
    "text": "all_field_values description examples terms",
    "date": """timestamp log_time earliest_record_timestamp latest_record_timestamp latest_record_time_stamp
        latest_result_time_stamp last_data_time latest_empty_bucket_timestamp latest_sparse_bucket_timestamp
        forecast_create_timestamp forecast_start_timestamp forecast_end_timestamp forecast_expiry_timestamp
        event.ingested exponential_average_calculation_context.latest_timestamp""",
    "double": """anomaly_score initial_anomaly_score record_score initial_record_score influencer_score
        initial_influencer_score raw_anomaly_score probability multi_bucket_impact actual typical model_lower
        model_upper model_median forecast_lower forecast_upper forecast_prediction forecast_progress
        total_search_time_ms average_bucket_processing_time_ms minimum_bucket_processing_time_ms
        maximum_bucket_processing_time_ms exponential_average_bucket_processing_time_ms
        anomaly_score_explanation.lower_confidence_bound anomaly_score_explanation.typical_value
        anomaly_score_explanation.upper_confidence_bound anomaly_score_explanation.by_field_relative_rarity
        bucket_influencers.anomaly_score bucket_influencers.probability causes.actual causes.typical
        causes.probability""",
    "long": """bucket_span event_count processing_time_ms category_id max_matching_length num_matches
        preferred_to_categories model_bytes total_by_field_count total_over_field_count total_partition_field_count
        bucket_allocation_failures_count bucket_count empty_bucket_count sparse_bucket_count input_bytes
        input_field_count input_record_count invalid_date_count missing_field_count out_of_order_timestamp_count
        processed_field_count processed_record_count search_count forecast_memory_bytes""",
    "integer": """detector_index snapshot_doc_count anomaly_score_explanation.anomaly_length
        anomaly_score_explanation.single_bucket_impact anomaly_score_explanation.multi_bucket_impact
        anomaly_score_explanation.anomaly_characteristics_impact""",
    "boolean": """is_interim retain anomaly_score_explanation.high_variance_penalty
        anomaly_score_explanation.incomplete_bucket_penalty anomaly_score_explanation.multimodal_distribution
        anomaly_score_explanation.by_field_first_occurrence""",
    "nested": "bucket_influencers causes influencers",
    "geo_point": """geo_results.actual_point geo_results.typical_point causes.geo_results.actual_point
        causes.geo_results.typical_point""",
}
COPIED = """job_id by_field_value over_field_value partition_field_value influencer_field_value
    influencers.influencer_field_values causes.by_field_value causes.over_field_value causes.partition_field_value
    causes.correlated_by_field_value"""


def definition(name: str) -> dict[str, Any]:
    return json.loads((resource_dir("mappings") / f"{name}.json").read_bytes())


def mapped(path: str) -> dict[str, Any]:
    """What the mapping says of a dotted name."""
    here = definition("results")["mappings"]
    for part in path.split("."):
        here = here["properties"][part]
    return here


def all_paths(properties: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    found = {}
    for name, field in properties.items():
        found[prefix + name] = field
        found |= all_paths(field.get("properties", {}), f"{prefix}{name}.")
    return found


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TYPES.items() for name in names.split()])
def test_a_field_has_its_documented_type(kind: str, name: str) -> None:
    assert mapped(name)["type"] == kind


# What the tables of documents read a value as, and the types under which the cluster may keep such a value.
KEPT_AS = {
    to_double: {"double"}, to_doubles: {"double"}, to_long: {"long", "integer"}, to_longs: {"long", "integer"},
    to_boolean: {"boolean"}, to_time: {"date"}, to_text: {"keyword", "text", "geo_point"},
    to_texts: {"keyword", "text"},
}  # fmt: skip
TABLES = [
    docs.BUCKET, docs.RECORD, docs.INFLUENCER, docs.CATEGORY, docs.MODEL_SIZE_STATS, docs.MODEL_SNAPSHOT,
]  # fmt: skip


def read_as(table: Table, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for key in table.keys:
        name = prefix + key.name
        if key.table is not None:
            yield from read_as(key.table, f"{name}.")
        elif key.read in KEPT_AS:
            yield name, KEPT_AS[key.read]


@pytest.mark.parametrize("table", TABLES)
def test_documents_are_kept_as_what_they_are_read_as(table: Table) -> None:
    paths = all_paths(definition("results")["mappings"]["properties"])
    kept = {name: paths[name]["type"] for name, _ in read_as(table) if name in paths}
    assert len(kept) > 5
    assert {name: kept[name] for name, types in read_as(table) if name in kept and kept[name] not in types} == {}


def test_values_of_the_input_and_no_others_are_copied_for_plain_searches() -> None:
    paths = all_paths(definition("results")["mappings"]["properties"])
    assert sorted(name for name, field in paths.items() if field.get("copy_to") == "all_field_values") == sorted(
        COPIED.split()
    )
    assert mapped("all_field_values") == {"type": "text", "analyzer": "whitespace"}
    assert definition("results")["settings"]["index"]["query"] == {"default_field": "all_field_values"}


def test_what_stands_inside_others_has_the_type_that_it_has_outside() -> None:
    paths = all_paths(definition("results")["mappings"]["properties"])
    for name, field in paths.items():
        outside = paths.get(name.rpartition(".")[2])
        if "." in name and outside is not None and name != "anomaly_score_explanation.multi_bucket_impact":
            assert field.get("type") == outside.get("type"), name


def test_unlisted_fields_become_keywords_and_objects_stay_objects() -> None:
    templates = [next(iter(one.values())) for one in definition("results")["mappings"]["dynamic_templates"]]
    assert [template["mapping"]["type"] for template in templates] == ["object", "keyword"]
    assert templates[0]["match_mapping_type"] == "object"
    assert templates[1] == {"match": "*", "mapping": {"type": "keyword"}}


def test_quantiles_and_models_are_stored_and_not_searched() -> None:
    assert mapped("quantiles") == {"type": "object", "enabled": False}
    assert definition("state")["mappings"]["enabled"] is False


def test_indices_are_hidden_with_a_replica_where_there_is_room_for_one() -> None:
    index = definition("results")["settings"]["index"]
    assert (index["hidden"], index["auto_expand_replicas"]) == (True, "0-1")
    assert definition("results")["mappings"]["_meta"]["version"]
    assert definition("annotations")["mappings"]["dynamic"] is False
