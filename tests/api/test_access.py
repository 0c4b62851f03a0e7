"""Who may do what, on a cluster with security: the cluster itself is asked about each caller."""

import base64
from dataclasses import replace

import pytest

from proxy.api.access import Access
from proxy.errors import MlError
from proxy.store.client import ClusterClient
from tests.api.passing.wire import answering
from tests.conftest import PASSWORD
from tests.http_client import Answer, HttpClient

JOB = {
    "analysis_config": {"bucket_span": "15m", "detectors": [{"function": "count"}]},
    "data_description": {"time_field": "timestamp"},
}


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def challenges(answer: Answer) -> list[str]:
    return sorted(answer.headers.get_all("www-authenticate", []))


def test_a_caller_without_credentials_gets_the_clusters_own_401(secured, secured_cluster_url):
    refused = secured.get("/_ml/anomaly_detectors")
    own = HttpClient(secured_cluster_url).get("/_security/_authenticate")
    assert refused.status == own.status == 401
    assert challenges(refused) == challenges(own)
    reason = refused.json()["error"]["reason"]
    assert reason == "missing authentication credentials for REST request [/_ml/anomaly_detectors]"
    assert refused.headers.get("x-elastic-product") is None


def test_a_wrong_password_gets_the_clusters_own_401(secured):
    refused = secured.get("/_ml/anomaly_detectors", headers=basic("ml_admin", "wrong"))
    assert refused.status == 401
    told = "unable to authenticate user [ml_admin] for REST request [/_ml/anomaly_detectors]"
    assert refused.json()["error"]["root_cause"][0]["reason"] == told


def test_the_user_role_may_look_but_not_change(secured):
    assert secured.get("/_ml/anomaly_detectors", headers=basic("ml_user")).status == 200
    refused = secured.put("/_ml/anomaly_detectors/mine", json_body=JOB, headers=basic("ml_user"))
    assert refused.status == 403
    error = refused.json()["error"]
    assert error["type"] == "security_exception"
    assert error["reason"].startswith("action [cluster:admin/xpack/ml/job/put] is unauthorized for user [ml_user]")
    assert error["reason"].endswith("this action is granted by the cluster privileges [manage_ml,manage,all]")


def test_the_admin_role_may_change(secured):
    admin = basic("ml_admin")
    assert secured.put("/_ml/anomaly_detectors/mine", json_body=JOB, headers=admin).status == 200
    assert secured.delete("/_ml/anomaly_detectors/mine", headers=admin).status == 200


def test_one_without_privileges_may_not_even_look(secured):
    refused = secured.get("/_ml/anomaly_detectors", headers=basic("nobody"))
    assert refused.status == 403
    assert "is unauthorized for user [nobody]" in refused.json()["error"]["reason"]


def test_privileges_are_asked_before_the_body_is_judged(secured):
    refused = secured.put("/_ml/anomaly_detectors/mine", json_body={"no": "sense"}, headers=basic("ml_user"))
    assert refused.status == 403


def test_what_passes_through_is_judged_by_the_cluster_alone(secured):
    assert secured.get("/_cluster/health").status == 401
    assert secured.get("/_cluster/health", headers=basic("admin")).status == 200
    who = secured.get("/_security/_authenticate", headers=basic("ml_user"))
    assert who.json()["username"] == "ml_user"


def test_with_the_mode_off_all_are_let_in(secured_config, start_proxy):
    open_to_all = replace(secured_config, security=replace(secured_config.security, mode="off"))
    assert HttpClient(start_proxy(open_to_all).serving.url).get("/_ml/anomaly_detectors").status == 200


def test_a_refusal_names_the_callers_roles(secured, secured_cluster_url):
    refused = secured.put("/_ml/anomaly_detectors/mine", json_body=JOB, headers=basic("ml_user"))
    own = HttpClient(secured_cluster_url).get("/_security/_authenticate", headers=basic("ml_user"))
    roles = ",".join(sorted(own.json()["roles"]))
    assert f"for user [ml_user] with effective roles [{roles}], " in refused.json()["error"]["reason"]
    assert challenges(refused) == []
    assert refused.headers.get("x-elastic-product") is None


def test_every_challenge_has_a_header_of_its_own(secured):
    """Bearer is among them where the cluster's token service is on, which it is not without TLS."""
    kinds = [challenge.split()[0] for challenge in challenges(secured.get("/_ml/anomaly_detectors"))]
    assert [kind for kind in kinds if kind != "Bearer"] == ["ApiKey", "Basic"]


def test_the_query_is_part_of_the_refused_uri(secured):
    reason = secured.get("/_ml/anomaly_detectors/x?pretty").json()["error"]["reason"]
    assert reason == "missing authentication credentials for REST request [/_ml/anomaly_detectors/x?pretty]"


def test_one_who_may_not_run_as_another_is_refused_by_the_cluster(secured):
    headers = {**basic("ml_user"), "es-security-runas-user": "ml_admin"}
    refused = secured.get("/_ml/anomaly_detectors", headers=headers)
    assert refused.status == 403
    assert "is unauthorized to run as [ml_admin]" in refused.json()["error"]["reason"]


async def test_security_that_is_turned_on_later_is_noticed_within_a_minute(loop, config):
    off = b'{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}'
    on = b'{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}'
    now = [0.0]
    async with answering(_answer(400, off), _answer(401, on)).listening() as cluster:
        client = ClusterClient(replace(config.elasticsearch, hosts=(f"http://127.0.0.1:{cluster.port}",)))
        access = Access(client, "auto", clock=lambda: now[0])
        try:
            for seconds in (0.0, 30.0, 59.0):
                now[0] = seconds
                await access.check("cluster:monitor/xpack/ml/info/get", {}, "/_ml/info")
            assert len(cluster.heads) == 1
            for seconds in (61.0, 62.0):
                now[0] = seconds
                with pytest.raises(MlError) as refused:
                    await access.check("cluster:monitor/xpack/ml/info/get", {}, "/_ml/info")
                assert refused.value.status == 401
        finally:
            await client.close()


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


def test_a_refused_caller_learns_nothing_of_what_exists(secured):
    for path in ("/_ml/anomaly_detectors/none", "/_ml/anomaly_detectors/none?bogus=1"):
        assert secured.get(path, headers=basic("nobody")).status == 403
