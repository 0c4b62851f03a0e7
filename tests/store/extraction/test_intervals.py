"""Borders of the intervals of aggregated datafeeds."""

from datetime import UTC, datetime

import pytest

from proxy.store.extraction.intervals import Interval, interval_of

MINUTE, DAY = 60_000, 86_400_000


@pytest.mark.parametrize(
    ("aggregations", "interval"),
    [
        ({"b": {"date_histogram": {"fixed_interval": "5m"}}}, Interval(5 * MINUTE)),
        ({"b": {"date_histogram": {"calendar_interval": "day"}}}, Interval(DAY)),
        ({"b": {"histogram": {"interval": 300_000}}}, Interval(5 * MINUTE)),
        ({"a": {"terms": {}, "aggs": {"b": {"date_histogram": {"interval": "1h"}}}}}, Interval(60 * MINUTE)),
        ({"c": {"composite": {"sources": [{"x": {"terms": {}}}, {"t": {"date_histogram": {"fixed_interval": "1m"}}}]}}},
         Interval(MINUTE)),
    ],
)  # fmt: skip
def test_the_interval_is_found_wherever_the_histogram_is(aggregations, interval):
    assert interval_of(aggregations) == interval


def test_weeks_begin_on_mondays():
    week = interval_of({"b": {"date_histogram": {"calendar_interval": "1w"}}})
    wednesday = datetime(2023, 11, 15, 12, tzinfo=UTC)
    borders = [datetime.fromtimestamp(ms / 1000, UTC) for ms in map(int, (
        week.floor(int(wednesday.timestamp() * 1000)), week.ceil(int(wednesday.timestamp() * 1000))))]  # fmt: skip
    assert borders == [datetime(2023, 11, 13, tzinfo=UTC), datetime(2023, 11, 20, tzinfo=UTC)]


def test_a_border_is_its_own_floor_and_ceiling():
    for interval in (Interval(7), Interval(7, 3)):
        for time in range(-20, 20):
            assert interval.floor(time) <= time <= interval.ceil(time)
            assert interval.ceil(time) - interval.floor(time) == (0 if (time - interval.origin_ms) % 7 == 0 else 7)


def test_a_histogram_is_needed():
    with pytest.raises(ValueError, match="no histogram"):
        interval_of({"a": {"terms": {}}})
