"""Normalising a job twice changes nothing; datafeeds delay by their job's name."""

import pytest

from proxy.job_config import analysis, datafeed, detector, job, memory_limit
from proxy.job_config.durations import parse


def test_a_normal_form_is_its_own_normal_form():
    body = {
        "groups": ["g"],
        "analysis_config": {
            "bucket_span": "3600s",
            "categorization_field_name": "message",
            "categorization_filters": ["a+"],
            "detectors": [{"function": "nzc", "by_field_name": "mlcategory", "use_null": True}],
        },
        "data_description": {},
        "model_plot_config": {"enabled": True},
        "background_persist_interval": "2h",
    }
    created = job.new_job(body, job.Creation("a", 1, None))
    assert job.normalise(created) == created
    assert list(job.normalise(created)) == list(created)


@pytest.mark.parametrize(
    ("job_id", "delay"),
    [("foo", "101228ms"), ("job-1", "100988ms"), ("total-requests", "83474ms"), ("farequote", "115823ms")],
)
def test_the_query_delay_follows_from_the_job_id(job_id, delay):
    assert datafeed.default_query_delay(job_id) == delay


def test_the_prune_window_is_a_multiple_of_the_bucket_span():
    for span in ("7s", "5m", "1h", "11h", "40h", "7d"):
        window = analysis.default_prune_window(parse(span, "bucket_span"))
        assert window.nanos % parse(span, "bucket_span").nanos == 0
        assert window.nanos >= 20 * parse(span, "bucket_span").nanos


@pytest.mark.parametrize("span", ["9000000000000000000d", "9223372036854775807d", "106751991167d"])
def test_the_prune_window_of_the_longest_spans_can_be_read(span):
    window = analysis.default_prune_window(parse(span, "bucket_span"))
    assert parse(window.text, "model_prune_window") == window


def test_a_quotation_mark_in_a_field_is_escaped_in_the_description():
    assert detector.describe({"function": "mean", "field_name": 'a"b\\c'}) == 'mean("a\\"b\\\\c")'


def test_the_default_memory_limit_is_lowered_to_the_maximum():
    assert memory_limit.normalise(None, 512 << 20)["model_memory_limit"] == "512mb"
    assert memory_limit.normalise(None, 2 << 30)["model_memory_limit"] == "1024mb"


def test_aggregations_decide_how_a_datafeed_is_chunked():
    inner = {"t": {"max": {"field": "t"}}}
    over_time = {"date_histogram": {"field": "t", "fixed_interval": "1h"}}
    histogram = {"a": over_time | {"aggs": inner}}
    composite = {"a": {"composite": {"sources": [{"t": over_time}]}, "aggs": inner}}
    assert datafeed.normalise_chunking(None, histogram) == {"mode": "manual", "time_span": "3600000000ms"}
    assert datafeed.normalise_chunking(None, composite) == {"mode": "off"}
    assert datafeed.normalise_chunking(None, None) == {"mode": "auto"}
