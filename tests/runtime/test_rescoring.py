"""New scores reach the documents that are about to be written, and name the older ones that remain."""

from proxy.engine import Rescored
from proxy.runtime.rescoring import Rescoring, with_inner_scores

WHEN = {"timestamp": 1_700_000_000_000, "bucket_span": 3600}
BUCKET_ID = "j_bucket_1700000000000_3600"
INNER_ID = "j_bucket_influencer_1700000000000_3600_host"


def rescored(kind: str, score: float, **more: object) -> Rescored:
    return Rescored(kind, {**WHEN, **more}, score)


def test_a_document_of_this_step_is_written_with_its_last_score() -> None:
    rescoring = Rescoring.of("j", [rescored("bucket", 50.0), rescored("bucket", 40.0)])
    assert rescoring.applied([(BUCKET_ID, {"anomaly_score": 90.0, "initial_anomaly_score": 90.0})]) == [
        (BUCKET_ID, {"anomaly_score": 40.0, "initial_anomaly_score": 90.0})
    ]
    assert rescoring.scores == {}


def test_an_older_document_remains_to_be_updated() -> None:
    rescoring = Rescoring.of("j", [rescored("record", 12.0, detector_index=0)])
    assert rescoring.applied([(BUCKET_ID, {"anomaly_score": 90.0})]) == [(BUCKET_ID, {"anomaly_score": 90.0})]
    assert rescoring.scores == {"j_record_1700000000000_3600_0_0_0": {"record_score": 12.0}}


def test_a_bucket_takes_over_the_scores_of_its_influencers() -> None:
    rescoring = Rescoring.of("j", [rescored("bucket_influencer", 7.0, influencer_field_name="host")])
    inner = {"influencer_field_name": "host", "anomaly_score": 30.0}
    other = {"influencer_field_name": "bucket_time", "anomaly_score": 20.0}
    written = dict(rescoring.applied([(INNER_ID, inner), (BUCKET_ID, {"bucket_influencers": [inner, other]})]))
    assert written[INNER_ID]["anomaly_score"] == 7.0
    assert [one["anomaly_score"] for one in written[BUCKET_ID]["bucket_influencers"]] == [7.0, 20.0]
    assert written[BUCKET_ID]["anomaly_score"] == 20.0
    assert rescoring.inner == {}


def test_what_older_documents_have_waited_for_is_brought_to_them_at_once() -> None:
    rescoring = Rescoring.of("j", [rescored("bucket_influencer", 7.0, influencer_field_name="host")])
    rescoring.add(Rescoring.of("j", [rescored("bucket_influencer", 9.0, influencer_field_name="bucket_time")]))
    rescoring.add(Rescoring.of("j", [rescored("bucket_influencer", 8.0, influencer_field_name="host")]))
    assert set(rescoring.ids()) == {BUCKET_ID, INNER_ID, INNER_ID.replace("host", "bucket_time")}
    assert rescoring.rescored(INNER_ID, {"anomaly_score": 30.0}) == {"anomaly_score": 8.0}
    inner = [{"influencer_field_name": name, "anomaly_score": 30.0} for name in ("host", "bucket_time")]
    bucket = rescoring.rescored(BUCKET_ID, {"bucket_influencers": inner})
    assert [one["anomaly_score"] for one in bucket["bucket_influencers"]] == [8.0, 9.0]
    assert inner[0]["anomaly_score"] == 30.0


def test_an_older_bucket_is_named_with_the_scores_inside_it() -> None:
    rescoring = Rescoring.of("j", [rescored("bucket_influencer", 7.0, influencer_field_name="host")])
    assert rescoring.inner == {BUCKET_ID: {"host": 7.0}}
    bucket = {"bucket_influencers": [{"influencer_field_name": "host", "anomaly_score": 30.0}]}
    rewritten = with_inner_scores(bucket, {"host": 7.0})
    assert rewritten["bucket_influencers"][0]["anomaly_score"] == rewritten["anomaly_score"] == 7.0
    assert bucket["bucket_influencers"][0]["anomaly_score"] == 30.0
