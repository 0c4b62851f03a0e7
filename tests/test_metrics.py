"""What metrics are made of, without a proxy."""

from __future__ import annotations

import pytest

from proxy.metrics import job_lags
from proxy.store.calls import kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/_bulk?refresh=true", "_bulk"),
        ("/_nodes/_local/_none", "_nodes"),
        ("/.ml-anomalies-shared/_search", "_search"),
        ("/lanewatch-config/_doc/_odd", "_doc"),
        ("/lanewatch-config", "index"),
        ("/an%2Fid/_update/a", "_update"),
        ("/", "index"),
    ],
)
def test_requests_to_the_cluster_are_of_few_kinds(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("lags_ms", "expected"),
    [
        ([], {}),
        ([5000], {"0.5": 5, "0.9": 5, "1": 5}),
        ([n * 1000 for n in range(1, 11)], {"0.5": 5, "0.9": 9, "1": 10}),
    ],
)
def test_lags_are_told_as_the_median_nine_tenths_and_the_worst(lags_ms: list[int], expected: dict) -> None:
    assert {sample.labels["quantile"]: sample.value for sample in job_lags(lags_ms).samples} == expected
