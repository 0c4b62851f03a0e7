"""Names that an input field cannot bear in a result, and the copies of those that it can.

A result repeats its field values under the input's own field names, so that one search finds events and
anomalies alike. A name that a result already uses for itself is reserved and gets no copy, nor a mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_RESERVED = """
    @timestamp _id _index _source _type actual actual_point all_field_values anomaly_characteristics_impact
    anomaly_length anomaly_score anomaly_score_explanation anomaly_type assignment_memory_basis
    average_bucket_processing_time_ms bucket_allocation_failures_count bucket_count bucket_influencers bucket_span
    by_field_first_occurrence by_field_name by_field_relative_rarity by_field_value category_id causes
    correlated_by_field_value description detector_index earliest_record_timestamp empty_bucket_count event
    event_count examples exponential_average_bucket_processing_time_ms exponential_average_calculation_context
    field_name forecast_create_timestamp forecast_end_timestamp forecast_expiry_timestamp forecast_id forecast_lower
    forecast_memory_bytes forecast_messages forecast_prediction forecast_progress forecast_start_timestamp
    forecast_status forecast_upper function function_description geo_results high_variance_penalty
    incomplete_bucket_penalty incremental_metric_value_ms influencer_field_name influencer_field_value
    influencer_field_values influencer_score influencers initial_anomaly_score initial_influencer_score
    initial_record_score input_bytes input_field_count input_record_count invalid_date_count is_interim job_id
    last_data_time latest_empty_bucket_timestamp latest_record_time_stamp latest_record_timestamp
    latest_result_time_stamp latest_sparse_bucket_timestamp latest_timestamp log_time lower_confidence_bound
    max_matching_length maximum_bucket_processing_time_ms memory_status min_version
    minimum_bucket_processing_time_ms missing_field_count model_bytes model_bytes_exceeded
    model_bytes_memory_limit model_feature model_lower model_median model_size_stats model_upper multi_bucket_impact
    multimodal_distribution num_matches out_of_order_timestamp_count output_memory_allocator_bytes over_field_name
    over_field_value partition_field_name partition_field_value peak_model_bytes preferred_to_categories
    previous_exponential_average_ms probability processed_field_count processed_record_count processing_time_ms
    raw_anomaly_score record_score regex result_type retain scheduled_events search_count single_bucket_impact
    snapshot_doc_count snapshot_id sparse_bucket_count terms timestamp total_by_field_count total_over_field_count
    total_partition_field_count total_search_time_ms typical typical_point typical_value upper_confidence_bound
"""
RESERVED_RESULT_FIELDS = frozenset(_RESERVED.split())


@lru_cache(maxsize=10_000)
def is_reserved(name: str) -> bool:
    """Whether results keep ``name``, or what stands before its first dot, for themselves."""
    return name.partition(".")[0] in RESERVED_RESULT_FIELDS


SIDES = tuple((f"{side}_field_name", f"{side}_field_value") for side in ("by", "over", "partition"))


def record_copies(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """The copies of a record: name -> its distinct values, in the order by, over, partition, influencers."""
    copies: dict[str, list[str]] = {}
    for name_key, value_key in SIDES:
        value = record.get(value_key)
        if value is not None:
            add_copy(copies, record.get(name_key), [value])
    for influence in record.get("influencers") or ():
        values = influence.get("influencer_field_values")
        if values:
            add_copy(copies, influence.get("influencer_field_name"), values)
    return copies


def add_copy(copies: dict[str, list[str]], name: str | None, values: list[str]) -> None:
    """Adds values under a name unless it is reserved or empty."""
    if not name or is_reserved(name):
        return
    if name in copies:
        values = [*copies[name], *values]
    copies[name] = values if len(values) == 1 else list(dict.fromkeys(values))


def scalar_copy(name: str | None, value: str | None) -> dict[str, str]:
    """The copy on influencers, category definitions and categorizer statistics: one text."""
    return {} if not name or value is None or is_reserved(name) else {name: value}
