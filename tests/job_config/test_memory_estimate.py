"""The memory estimate agrees with the known values of Elasticsearch's formula."""

import pytest

from proxy.job_config.memory_estimate import estimate_megabytes


def config(*, influencers=(), span="15m", function="max", field_name="responsetime", **split):
    detector = {"function": function, "field_name": field_name, **split}
    return {"bucket_span": span, "detectors": [detector], "influencers": list(influencers)}


@pytest.mark.parametrize(
    ("analysis", "overall", "per_bucket", "megabytes"),
    [
        (config(by_field_name="airline"), {"airline": 50_000}, {}, 1573),
        (config(by_field_name="airline", influencers=["airline"]), {"airline": 50_000}, {}, 1573),
        (config(by_field_name="airline", influencers=["country"]), {"airline": 50_000}, {"country": 500}, 1578),
        (config(over_field_name="airline"), {"airline": 50_000}, {}, 47),
        (config(partition_field_name="airline"), {"airline": 50_000}, {}, 2354),
        (config(by_field_name="a", partition_field_name="p"), {"a": 4_000, "p": 600}, {}, 3189),
        (config(over_field_name="a", partition_field_name="p"), {"a": 4_000, "p": 600}, {}, 113),
        (config(), {}, {}, 11),
        (config(function="dc"), {}, {}, 16),
        (config(function="low_info_content"), {}, {}, 16),
    ],
)
def test_estimates_are_those_of_elasticsearch(analysis, overall, per_bucket, megabytes):
    assert estimate_megabytes(analysis, overall, per_bucket) == megabytes


def test_sketches_are_counted_once_however_many_detectors_share_them():
    one = {"detectors": [{"function": "distinct_count", "field_name": "a"}]}
    two = {"detectors": [{"function": "distinct_count", "field_name": name} for name in "ab"]}
    assert estimate_megabytes(one, {}, {}) == estimate_megabytes(two, {}, {})


def test_categorization_is_counted_for_each_partition():
    detector = {"function": "count", "by_field_name": "mlcategory", "partition_field_name": "host"}
    analysis = {"categorization_field_name": "message", "detectors": [detector]}
    whole = estimate_megabytes(analysis, {"host": 10}, {})
    parted = estimate_megabytes({**analysis, "per_partition_categorization": {"enabled": True}}, {"host": 10}, {})
    assert parted - whole == 9 * 5
