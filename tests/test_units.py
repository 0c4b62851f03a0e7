"""Time values, byte sizes and dates: meaning and refusals, compared with those of the cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy import units
from proxy.errors import MlError

against_the_cluster = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NOW = 1_700_000_000_123


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("15m", 900_000), ("1h", 3_600_000), ("2d", 172_800_000), ("90s", 90_000), ("250ms", 250), ("0", 0), ("-1", -1),
        ("000", 0),
        ("1500micros", 1), ("2000000nanos", 2), (" 5 s ", 5000), ("5S", 5000), ("+3s", 3000), ("-1s", -1000),
    ],
)  # fmt: skip
def test_a_time_value_is_a_number_of_milliseconds(text, milliseconds):
    assert units.parse_duration_ms(text, "bucket_span") == milliseconds


@against_the_cluster
@given(st.from_regex(r"[ +-]?[0-9]{0,3}(\.[0-9])?[ ]?(nanos|micros|ms|s|m|h|d|M|H|D|w|S|MS|x|)", fullmatch=True))
def test_a_bad_time_value_is_refused_in_the_words_of_the_cluster(cluster_client, text):
    answer = cluster_client.get("/_cluster/health", query={"master_timeout": text, "filter_path": "status"})
    try:
        units.parse_duration_ms(text, "master_timeout")
        refused = None
    except MlError as error:
        refused = error.type, error.reason
    theirs = answer.json().get("error")
    assert refused == (theirs and (theirs["type"], theirs["reason"]))


@pytest.mark.parametrize("text", ["9" * 20 + "s", "9" * 400 + "nanos", "9" * 5000 + "d", "-" + "9" * 5000 + "s"])
def test_more_than_a_long_is_no_time_value(text, cluster_client):
    with pytest.raises(MlError) as caught:
        units.parse_duration_ms(text, "master_timeout")
    if len(text) < 1000:
        answer = cluster_client.get("/_cluster/health", query={"master_timeout": text})
        assert caught.value.reason == answer.json()["error"]["reason"]


def test_zeros_before_a_number_do_not_make_it_longer():
    assert units.parse_duration_ms("0" * 5000 + "7s", "master_timeout") == 7000


@pytest.mark.parametrize("text", ["9" * 5000 + "mb", "9" * 400 + ".5mb", "9" * 16 + "kb", "8192pb"])
def test_more_than_a_long_is_no_byte_size(text):
    with pytest.raises(MlError) as caught:
        units.parse_bytes(text, "model_memory_limit")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("512mb", 512 << 20), ("1GB", 1 << 30), ("1.5kb", 1536), ("3b", 3), ("0", 0), ("-1", -1), ("2 tb", 2 << 40),
        ("1p", 1 << 50), ("10k", 10240), ("0.5g", 1 << 29), ("1m", 1 << 20),
    ],
)  # fmt: skip
def test_a_byte_size_is_a_number_of_bytes(text, count):
    assert units.parse_bytes(text, "model_memory_limit") == count


@pytest.mark.parametrize("text", ["12", "", "mb", "1.2.3mb", "abcmb", "12qb"])
def test_a_bad_byte_size_is_refused(text):
    with pytest.raises(MlError) as caught:
        units.parse_bytes(text, "model_memory_limit")
    assert caught.value.type == "parse_exception"
    assert caught.value.reason.startswith(f"failed to parse setting [model_memory_limit] with value [{text}]")


@given(st.integers(0, 1 << 52))
def test_a_printed_byte_size_is_off_by_less_than_a_tenth_of_its_unit(count):
    text = units.format_bytes(count)
    unit = next(power for name, power in (("pb", 50), ("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10), ("b", 0))
                if text.endswith(name))  # fmt: skip
    assert 0 <= count - units.parse_bytes(text, "x") <= (1 << unit) / 10 + 1


def test_printed_byte_sizes_drop_an_empty_fraction():
    assert [units.format_bytes(n) for n in (0, 1023, 1024, 1536, 11 << 20, (11 << 20) + 600_000)] == [
        "0b", "1023b", "1kb", "1.5kb", "11mb", "11.5mb",
    ]  # fmt: skip


# Dates.

DATES = st.builds(
    lambda moment, form, zone: moment.strftime(form) + zone,
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
                     "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%Y-%m-%dT"]),
    st.sampled_from(["", "", "Z", "+01:00", "-0530", "+02"]),
)  # fmt: skip
MATH = st.lists(
    st.from_regex(r"(/|[+-]([1-9][0-9]?)?)[yMwdhHms]", fullmatch=True), max_size=3
).map(lambda steps: "||" + "".join(steps) if steps else "")  # fmt: skip


@pytest.fixture(scope="module")
def dates_index(cluster_client):
    name = "lanewatch-test-dates"
    cluster_client.delete(f"/{name}")
    made = cluster_client.put(f"/{name}", json_body={"mappings": {"properties": {"at": {"type": "date"}}}})
    assert made.status == 200, made.text
    yield name
    cluster_client.delete(f"/{name}")


def read_by_cluster(cluster_client, index: str, text: str) -> int | None:
    ranges = {"date_range": {"field": "at", "ranges": [{"from": text}]}}
    answer = cluster_client.post(f"/{index}/_search", json_body={"size": 0, "aggs": {"read": ranges}})
    if answer.status == 400:
        return None
    return int(answer.json()["aggregations"]["read"]["buckets"][0]["from"])


def read_here(text: str) -> int | None:
    try:
        return units.parse_date_ms(text, NOW)
    except ValueError:
        return None


@against_the_cluster
@given(st.builds(lambda date, math: date + math, DATES, MATH))
def test_a_date_is_read_as_the_cluster_reads_it(cluster_client, dates_index, text):
    assert read_here(text) == read_by_cluster(cluster_client, dates_index, text)


@pytest.mark.parametrize("text", ["0", "1454803200000", "-5", "1454803200000||/d", "", "x", "2016-13-01", "2016-02-30",
                                  "2016-1-1", "2016-01-01T25:00", "2016-01-01||/q", "2016-01-01||+", "2016-01-01||1d",
                                  "2016-01-31||+1M", "2016-02-29||+1y", "2016-01-01T00:00:00,5Z"])  # fmt: skip
def test_odd_dates_are_read_as_the_cluster_reads_them(text, cluster_client, dates_index):
    assert read_here(text) == read_by_cluster(cluster_client, dates_index, text)


def test_now_is_what_the_caller_says():
    assert units.parse_date_ms("now", NOW) == NOW
    assert units.parse_date_ms("now-1h", NOW) == NOW - 3_600_000
    assert units.parse_date_ms("now/d", NOW) == NOW // 86_400_000 * 86_400_000


def test_rounding_up_ends_where_the_next_unit_begins():
    assert units.parse_date_ms("now/d", NOW, round_up=True) == (NOW // 86_400_000 + 1) * 86_400_000 - 1
    assert units.parse_date_ms("2016-02-10||/M", NOW, round_up=True) == int(
        datetime(2016, 3, 1, tzinfo=UTC).timestamp() * 1000 - 1
    )


@pytest.mark.parametrize("text", ["99999999999999999999", "-99999999999999999", "2016||+9999y", "now+99999999d"])
def test_dates_beyond_the_calendar_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        units.parse_date_ms(text, NOW)


@given(st.integers(0, 4_102_444_800_000))
def test_an_iso_date_reads_back(epoch_ms):
    text = units.iso(epoch_ms)
    assert units.parse_date_ms(text, NOW) == epoch_ms
    assert json.dumps(text)[-2] == "Z"


def test_a_bad_date_in_the_query_names_the_parameter():
    assert units.bad_query_date("start", "x").reason == (
        "Query param [start] with value [x] cannot be parsed as a date or converted to a number (epoch)."
    )


def test_numbers_in_messages_have_separators():
    assert units.thousands(1234567) == "1,234,567"
