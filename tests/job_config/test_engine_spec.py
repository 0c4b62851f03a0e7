"""What the engine learns of a job's configuration: defaults, durations and byte sizes, the fields that it reads."""

import pytest

from proxy.errors import MlError
from proxy.job_config.engine_spec import spec_from

DAY = 86_400
MIB = 1 << 20
COUNT = {"function": "count"}


def spec(*detectors, limits=None, plot=None, **options):
    top = {key: options.pop(key) for key in ("renormalization_window_days",) if key in options}
    analysis = {"detectors": list(detectors or (COUNT,)), **options}
    return spec_from({"analysis_config": analysis, "analysis_limits": limits, "model_plot_config": plot, **top})


def test_what_is_not_said_has_its_default():
    found = spec()
    assert (found.bucket_span, found.latency, found.memory_limit) == (300, 0, 1024 * MIB)
    assert (found.prune_window, found.renormalization_window) == (30 * DAY, 30 * DAY)
    assert not (found.plot_enabled or found.annotations_enabled or found.plot_terms or found.categorization)


def test_spans_of_long_buckets_lengthen_the_windows():
    found = spec(bucket_span="2d")
    assert (found.prune_window, found.renormalization_window) == (40 * DAY, 200 * DAY)


def test_time_values_are_read_in_any_unit():
    found = spec(bucket_span="900s", latency="2h", model_prune_window="60d", renormalization_window_days=7)
    assert (found.bucket_span, found.latency) == (900, 7200)
    assert (found.prune_window, found.renormalization_window) == (60 * DAY, 7 * DAY)


def test_a_time_value_without_a_unit_is_refused():
    with pytest.raises(MlError):
        spec(bucket_span="900")


@pytest.mark.parametrize(("limit", "size"), [("200kb", 200 << 10), ("2gb", 2 << 30), (12, 12 * MIB)])
def test_a_memory_limit_is_read_in_bytes(limit, size):
    assert spec(limits={"model_memory_limit": limit}).memory_limit == size


@pytest.mark.parametrize(
    ("plot", "is_plotted", "is_annotated"),
    [
        ({"enabled": True}, True, True),
        ({"enabled": False}, False, False),
        ({"enabled": True, "annotations_enabled": False}, True, False),
        ({"enabled": False, "annotations_enabled": True}, False, True),
    ],
)
def test_annotations_follow_the_plot_unless_they_are_set(plot, is_plotted, is_annotated):
    found = spec(plot=plot)
    assert (found.plot_enabled, found.annotations_enabled) == (is_plotted, is_annotated)


def test_terms_of_the_plot_are_told_apart_by_commas():
    assert spec(plot={"enabled": True, "terms": "a,,b"}).plot_terms == {"a", "b"}


def test_fields_are_asked_for_once_and_by_their_kind():
    found = spec(
        {"function": "mean", "field_name": "took", "by_field_name": "host", "partition_field_name": "zone"},
        {"function": "distinct_count", "field_name": "user", "over_field_name": "zone"},
        {"function": "lat_long", "field_name": "place"},
        influencers=["host", "account"],
        summary_count_field_name="events",
    )
    assert found.text_fields == found.kept_text_fields == ("zone", "host", "user", "place", "account")
    assert found.number_fields == ("took", "events")


def test_the_category_is_made_and_the_message_asked_for():
    found = spec(
        {"function": "count", "by_field_name": "mlcategory", "partition_field_name": "app"},
        categorization_field_name="message",
        categorization_filters=["x+"],
        per_partition_categorization={"enabled": True, "stop_on_warn": True},
        limits={"categorization_examples_limit": 0},
    )
    assert (found.text_fields, found.kept_text_fields) == (("app", "message"), ("app", "mlcategory"))
    assert found.categorization.partition_field == "app"
    assert found.categorization.stop_on_warn
    assert (found.categorization.filters, found.categorization.examples_limit) == (("x+",), 0)


def test_a_partition_splits_categories_only_if_it_is_asked_to():
    found = spec(
        {"function": "count", "by_field_name": "mlcategory", "partition_field_name": "app"},
        categorization_field_name="message",
        per_partition_categorization={"enabled": False},
    )
    assert (found.categorization.partition_field, found.categorization.stop_on_warn) == (None, False)
    assert found.categorization.examples_limit == 4


@pytest.mark.parametrize(("given", "read"), [(None, None), ("none", None), ("ALL", "all"), ("by", "by")])
def test_frequent_entities_are_excluded_as_said(given, read):
    assert spec(COUNT | {"exclude_frequent": given}).detectors[0].exclude_frequent == read


def test_a_detector_without_a_function_is_a_metric_of_three_parts():
    (detector,) = spec({"field_name": "took", "by_field_name": ""}).detectors
    assert [part.name for part in detector.parts] == ["mean", "min", "max"]
    assert (detector.function, detector.by, detector.index) == ("metric", None, 0)
