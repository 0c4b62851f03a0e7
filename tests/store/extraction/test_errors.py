"""What a failed extraction says of its cause."""

from proxy.errors import unavailable
from proxy.store.client import ClusterError
from proxy.store.extraction.errors import ExtractionError

TOO_LARGE = (
    "Result window is too large, from + size must be less than or equal to: [50] but was [51]. "
    "See the scroll api for a more efficient way to request large data sets."
)


def refused(reason):
    body = {
        "error": {
            "root_cause": [{"type": "illegal_argument_exception", "reason": reason}],
            "type": "search_phase_execution_exception",
            "reason": "all shards failed",
        },
        "status": 400,
    }
    return ExtractionError(ClusterError("search_phase_execution_exception", "all shards failed", 400, body))


def test_the_cause_is_the_root_cause_and_the_body_the_clusters_own():
    error = refused("it was")
    assert (error.cause, error.is_shard_failure, error.status) == ("it was", True, 400)
    assert error.body()["error"]["reason"] == "all shards failed"
    assert error.largest_page is None


def test_the_largest_page_is_read_from_the_refusal():
    assert refused(TOO_LARGE).largest_page == 50


def test_a_cluster_out_of_reach_is_its_own_cause():
    error = ExtractionError(unavailable("cannot reach the cluster"))
    assert (error.cause, error.is_shard_failure, error.status) == ("cannot reach the cluster", False, 503)
