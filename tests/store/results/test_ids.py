"""Document ids are part of the stored contract: clients and older documents rely on them."""

from __future__ import annotations

import pytest

from proxy.store.results import ids as result_ids
from proxy.store.results.value_hash import value_hash


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), "0_0"),
        ((None, None, None), "0_0"),
        (("",), "0_0"),
        (("hello",), "-69324146290566373985303187135944319719_5"),
        (("he", None, "llo"), "-69324146290566373985303187135944319719_5"),
        (("AAL", None, "us-east"), "30417141891049168889900127630182121644_10"),
    ],
)
def test_value_hash_joins_the_values_that_are_set(values: tuple[str | None, ...], expected: str) -> None:
    assert value_hash(*values) == expected


def test_value_hash_counts_utf16_code_units_not_characters() -> None:
    assert value_hash("aé\N{GRINNING FACE}").rpartition("_")[2] == "4"


def test_value_hash_accepts_a_lone_surrogate_that_json_may_carry() -> None:
    assert value_hash("\ud800").endswith("_1")


def test_a_record_without_field_values_ends_in_the_empty_hash() -> None:
    assert result_ids.record("test-job", 1000, 60, 0) == "test-job_record_1000_60_0_0_0"


def test_a_record_id_hashes_by_then_over_then_partition() -> None:
    made = result_ids.record("j", 1000, 60, 2, partition="us-east", by="AAL")
    assert made == "j_record_1000_60_2_30417141891049168889900127630182121644_10"


def test_a_bucket_influencer_id_ends_in_the_field_if_it_is_named() -> None:
    assert result_ids.bucket_influencer("j", 5, 60) == "j_bucket_influencer_5_60"
    assert result_ids.bucket_influencer("j", 5, 60, "bucket_time") == "j_bucket_influencer_5_60_bucket_time"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (result_ids.bucket("j", 5000, 60), "j_bucket_5000_60"),
        (
            result_ids.influencer("j", 5000, 60, "user", "hello"),
            "j_influencer_5000_60_user_-69324146290566373985303187135944319719_5",
        ),
        (result_ids.model_plot("j", 5000, 60, 1), "j_model_plot_5000_60_1_0_0"),
        (result_ids.model_forecast("j", "f", 5000, 60, 1), "j_model_forecast_f_5000_60_1_0_0"),
        (result_ids.model_forecast_request_stats("j", "f"), "j_model_forecast_request_stats_f"),
        (result_ids.category_definition("j", 3), "j_category_definition_3"),
        (result_ids.model_snapshot("j", "1"), "j_model_snapshot_1"),
        (result_ids.model_size_stats("j", 7), "j_model_size_stats_7"),
        (result_ids.categorizer_stats("j", 7), "j_categorizer_stats_7"),
        (
            result_ids.categorizer_stats("j", 7, "hello"),
            "j_categorizer_stats_7_-69324146290566373985303187135944319719_5",
        ),
        (result_ids.data_counts("j"), "j_data_counts"),
        (result_ids.timing_stats("j"), "j_timing_stats"),
        (result_ids.datafeed_timing_stats("j"), "j_datafeed_timing_stats"),
        (result_ids.quantiles("j"), "j_quantiles"),
        (result_ids.model_state("j", "1", 2), "j_model_state_1#2"),
        (result_ids.categorizer_state("j", 1), "j_categorizer_state#1"),
        (result_ids.snapshot_annotation("j", "1"), "annotation_for_j_model_snapshot_1"),
    ],
)
def test_every_document_type_has_its_own_id(made: str, expected: str) -> None:
    assert made == expected
