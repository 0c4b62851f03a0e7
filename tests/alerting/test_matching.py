from __future__ import annotations

import pytest

from proxy.alerting.matching import matches_of
from proxy.errors import MlError
from tests.alerting.rules import bucket, influencer, record, rule


def groups(matches):
    return [(match.group, match.initial_score) for match in matches]


def test_a_record_counts_at_the_threshold_and_a_bucket_over_it():
    results = bucket(0, 75)
    assert groups(matches_of(rule(75, "record").params, results)) == [("flights", 75)]
    assert matches_of(rule(75, "bucket").params, results) == []
    assert groups(matches_of(rule(74.9, "bucket").params, results)) == [("flights", 74.9 + 0.1)]
    assert matches_of(rule(75.1, "record").params, results) == []


def test_the_score_at_first_decides_and_both_are_told():
    lowered = record(90, record_score=12.0)
    (match,) = matches_of(rule(75).params, bucket(0, 60, lowered))
    assert (match.initial_score, match.score) == (90, 12.0)
    assert matches_of(rule(75).params, bucket(0, 60, record(70, record_score=99.0))) == []


def test_groups_are_what_the_rule_says():
    records = [
        record(90, partition_field_name="host", partition_field_value="a"),
        record(80, partition_field_name="host", partition_field_value="b"),
        record(85, detector_index=1, by_field_name="code", by_field_value="500"),
        record(10, partition_field_name="host", partition_field_value="c"),
    ]
    results = bucket(0, 90, *records)

    def of(group_by: str):
        return groups(matches_of(rule(75, own={"group_by": group_by}).params, results))

    assert of("job") == [("flights", 90)]
    assert of("detector") == [("flights:0", 90), ("flights:1", 85)]
    assert of("entity") == [("flights:host=a", 90), ("flights:code=500", 85), ("flights:host=b", 80)]


def test_each_influencer_of_a_record_has_an_alert_of_its_own_where_that_is_asked_for():
    blamed = record(90, influencers=[{"influencer_field_name": "ip", "influencer_field_values": ["1.1", "2.2"]}])
    params = rule(75, own={"group_by": "influencer"}).params
    assert groups(matches_of(params, bucket(0, 90, blamed))) == [("flights:ip=1.1", 90), ("flights:ip=2.2", 90)]
    assert groups(matches_of(params, bucket(0, 90, record(80)))) == [("flights", 80)]


def test_influencers_are_matched_by_their_own_score():
    found = [influencer("ip", "1.1", 80), influencer("ip", "2.2", 20)]
    results = bucket(0, 30, record(20), influencers=found)
    assert groups(matches_of(rule(75, "influencer").params, results)) == [("flights", 80)]
    by_influencer = rule(10, "influencer", own={"group_by": "influencer"})
    assert groups(matches_of(by_influencer.params, results)) == [("flights:ip=1.1", 80), ("flights:ip=2.2", 20)]


def test_as_many_records_are_shown_as_the_rule_says_and_all_are_counted():
    results = bucket(0, 99, *(record(80 + i) for i in range(10)))
    (match,) = matches_of(rule(75).params, results)
    assert (match.total, [each["record_score"] for each in match.records]) == (10, [89, 88, 87])
    (match,) = matches_of(rule(75, own={"records": 5}).params, results)
    assert len(match.records) == 5


def test_a_filter_chooses_records():
    params = rule(75, params={"kqlQueryString": "partition_field_value: b"}).params
    records = [record(90, partition_field_value="a"), record(80, partition_field_value="b")]
    assert groups(matches_of(params, bucket(0, 90, *records))) == [("flights", 80)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"params": {"jobSelection": {}}}, "Job selection is required"),
        (
            {"result_type": "bucket", "params": {"kqlQueryString": "a: b"}},
            "Custom filters are not supported for bucket",
        ),
        ({"result_type": "bucket", "own": {"group_by": "entity"}}, "[group_by] must be [job]"),
        ({"result_type": "influencer", "own": {"group_by": "detector"}}, "[group_by] must be [job] or [influencer]"),
        ({"params": {"includeJobs": {"jobIds": ["*"]}}}, "unknown field [includeJobs]"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(given, reason):
    with pytest.raises(MlError) as refused:
        rule(**given)
    assert refused.value.status == 400
    assert reason in refused.value.reason


def test_jobs_are_selected_by_id_group_or_star():
    params = rule(params={"jobSelection": {"jobIds": ["a"], "groupIds": ["g"]}}).params
    assert [params.selects(*job) for job in (("a", ()), ("b", ()), ("b", ("g",)))] == [True, False, True]
    assert rule(params={"jobSelection": {"jobIds": ["*"]}}).params.selects("any", ())
