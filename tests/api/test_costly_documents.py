"""What a document may be without being refused, however long, is judged in a time that grows with its length."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import pytest

from proxy.api.call import has_more_values
from proxy.api.rules.analysis_config import analysis_config_breaches
from proxy.api.rules.calendars import check_removed_jobs
from proxy.store import Calendar, without_jobs

COUNT = {"function": "count"}
MANY = 20_000
NAMES = [f"a{number}.b.c" for number in range(MANY)]
JOBS = tuple(f"job-{number}" for number in range(MANY))


def judged(most: int = 1, **parts: object) -> list[str]:
    """The first faults, as many as are wanted: who is told of one needs no more."""
    config = {"bucket_span": "1h", "detectors": [COUNT], **parts}
    return [breach.error.reason for breach in islice(analysis_config_breaches(config), most)]


def patterns(filters: list[str]) -> list[str]:
    detectors = [{"function": "count", "by_field_name": "mlcategory"}]
    return judged(detectors=detectors, categorization_field_name="m", categorization_filters=filters)


COSTLY: dict[str, Callable[[], object]] = {
    "a field with a million dots": lambda: judged(influencers=["a." * 1_000_000 + "a"]),
    "many fields with dots": lambda: judged(influencers=NAMES),
    "many patterns": lambda: patterns([f"a{number}" for number in range(300_000)]),
    "a long pattern": lambda: patterns(["[a-z]" * 400_000]),
    "a deep pattern": lambda: patterns(["(" * 1_000_000]),
    "as many patterns as may be": lambda: patterns([f"{number:0100d}" for number in range(1000)]),
    "jobs taken out of a calendar": lambda: check_removed_jobs(Calendar("c", JOBS), JOBS),
    "a calendar without these jobs": lambda: without_jobs(Calendar("c", JOBS), JOBS),
}


@pytest.mark.parametrize("name", COSTLY)
def test_it_takes_no_longer_than_reading_it(name: str) -> None:
    began = time.process_time()
    COSTLY[name]()
    assert time.process_time() - began < 2


def test_what_only_we_refuse_of_patterns_is_told() -> None:
    assert patterns(["a{" + "9" * 5000 + "}"])[0].endswith("is not supported, repeat at most 1000 times")
    assert "characters is not supported, write at most 10000 characters" in patterns(["a" * 10_001])[0]
    assert patterns([f"a{number}" for number in range(1001)]) == [
        "[1001] patterns with [3895] characters are too many for one job, "
        "at most [1000] with [100000] characters are possible"
    ]


@pytest.mark.parametrize(
    ("document", "values"),
    [([1, 2, 3, 4], 4), ({"a": [1, {"b": 2}]}, 12), ([[[[None]]]], 4), ({"a": {"b": {"c": {"d": []}}}}, 20)],
)
def test_values_are_counted_at_every_depth_and_fields_as_several(document: object, values: int) -> None:
    assert has_more_values(document, values - 1)
    assert not has_more_values(document, values)


def test_a_field_within_another_is_told_of_the_outermost_first() -> None:
    told = judged(9, influencers=["a.b.c", "a.b", "a", "ab.c"])
    assert told[0] == "Fields [a] and [a.b] cannot both be used in the same analysis_config"
    assert told[1:] == [
        "Fields [a] and [a.b.c] cannot both be used in the same analysis_config",
        "Fields [a.b] and [a.b.c] cannot both be used in the same analysis_config",
    ]
