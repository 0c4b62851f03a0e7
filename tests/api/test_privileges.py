"""Every operation asked by every kind of caller, on a cluster with security; the cluster's own word is the measure.

How a refusal looks in full is ``test_access``'s matter.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator, Mapping

import pytest

from proxy.api.operation import Operation
from proxy.api.routes import OPERATIONS
from proxy.schemas import shipped_schemas
from tests.api.test_access import basic
from tests.conftest import SERVICE_SECRETS
from tests.http_client import Answer, HttpClient

# What the documentation lets monitor_ml do; all else needs manage_ml, also previews and filters, which only read.
MONITOR_ML = frozenset(
    {
        "ml.get_jobs", "ml.get_job_stats", "ml.get_buckets", "ml.get_overall_buckets", "ml.get_records",
        "ml.get_influencers", "ml.get_categories", "ml.get_model_snapshots",
        "ml.get_model_snapshot_upgrade_stats", "ml.get_datafeeds", "ml.get_datafeed_stats", "ml.get_calendars",
        "ml.get_calendar_events", "ml.info", "ml.get_memory_stats", "ml.get_places", "cat.ml_jobs", "cat.ml_datafeeds",
        "alerting.get_rule", "alerting.find_rules", "alerting.preview_rule", "alerting.get_rule_types",
        "alerting.get_health", "actions.get_connector", "actions.get_connectors", "actions.get_connector_types",
    }
)  # fmt: skip
GRANTING = {True: "monitor_ml,monitor,manage_ml,manage,all", False: "manage_ml,manage,all"}
ADMIN = basic("admin")
CALLERS = {
    "nobody known": {},
    "a wrong password": basic("ml_admin", "wrong"),
    "no right": basic("nobody"),
    "monitor_ml": basic("ml_user"),
    "manage_ml": basic("ml_admin"),
}
# The right belongs to the operation, so one of its routes is enough: the last, which has every part of the path.
ROUTES = [(operation, *operation.routes[-1].split(" ")) for operation in OPERATIONS]
PASSED_THROUGH = (
    ("GET", "/_cluster/health"),
    ("GET", "/_security/_authenticate"),
    ("GET", "/.ml-anomalies-*/_search"),
    ("GET", "/lanewatch-config/_search"),
    ("PUT", "/_cluster/settings"),
    ("DELETE", "/.ml-state-000001"),
)


def service_token(account: str, secret: str | None = None) -> dict[str, str]:
    token = b"\x00\x01\x00\x01" + f"{account}/token:{secret or SERVICE_SECRETS[account]}".encode()
    return {"authorization": "Bearer " + base64.b64encode(token).decode()}


def reason(answer: Answer) -> str:
    told = answer.json()
    return str(told["message"] if "message" in told else told["error"]["reason"])


def asked(client: HttpClient, method: str, path: str, caller: Mapping[str, str]) -> Answer:
    """A call about what does not exist, without the body that most of the operations want."""
    return client.request(method, re.sub(r"\{\w+\}", "no-such", path), headers=caller)


def fault(operation: Operation, caller: str, answer: Answer, path: str) -> str | None:
    """What is wrong with the answer that a kind of caller got; None if it is as the table of privileges wants it."""
    may_look = operation.name in MONITOR_ML
    if caller == "manage_ml" or (caller == "monitor_ml" and may_look):
        is_right = answer.status in (200, 400, 404, 409)
    elif caller == "nobody known":
        uri = re.sub(r"\{\w+\}", "no-such", path)
        is_right = answer.status == 401 and reason(answer).endswith(f"credentials for REST request [{uri}]")
    elif caller == "a wrong password":
        is_right = answer.status == 401 and reason(answer).startswith("unable to authenticate user [ml_admin]")
    else:
        named = f"action [{shipped_schemas().action(operation.name)}] is unauthorized for user ["
        granted = f"this action is granted by the cluster privileges [{GRANTING[may_look]}]"
        is_right = answer.status == 403 and reason(answer).startswith(named) and reason(answer).endswith(granted)
    return None if is_right else f"{operation.name} {path} by {caller}: {answer.status} {answer.text}"


@pytest.fixture
def tidied(secured: HttpClient) -> Iterator[HttpClient]:
    """The proxy, without the one thing that can be made without a body."""
    yield secured
    secured.delete("/_ml/calendars/no-such", headers=ADMIN)


def test_every_operation_answers_each_kind_of_caller_as_documented(tidied: HttpClient) -> None:
    faults = [
        fault(operation, caller, asked(tidied, method, path, credentials), path)
        for operation, method, path in ROUTES
        for caller, credentials in CALLERS.items()
    ]
    assert len(faults) == len(OPERATIONS) * len(CALLERS)
    assert [each for each in faults if each] == []


def test_the_cluster_grants_the_actions_that_refusals_name_as_we_do(secured_cluster_url: str) -> None:
    actions = {operation.name: shipped_schemas().action(operation.name) for operation in OPERATIONS}
    granted = {}
    for user in ("nobody", "ml_user", "ml_admin"):
        told = HttpClient(secured_cluster_url).post(
            "/_security/user/_has_privileges", json_body={"cluster": list(actions.values())}, headers=basic(user)
        )
        granted[user] = {name for name, action in actions.items() if told.json()["cluster"][action]}
    assert granted == {"nobody": set(), "ml_user": MONITOR_ML, "ml_admin": actions.keys()}


def test_what_passes_through_is_answered_as_by_the_cluster_itself(
    secured: HttpClient, secured_cluster_url: str
) -> None:
    cluster = HttpClient(secured_cluster_url)
    others = {name: caller for name, caller in CALLERS.items() if name != "manage_ml"}
    for method, path in PASSED_THROUGH:
        for name, caller in others.items():
            passed, direct = (asked(client, method, path, caller) for client in (secured, cluster))
            assert (passed.status, passed.json().get("error")) == (direct.status, direct.json().get("error")), name


def described(refused: Answer) -> str:
    """The words for a caller in a refusal."""
    assert refused.status == 403, refused.text
    found = re.search(r"\] is unauthorized for (.*), this action is granted", reason(refused))
    assert found, refused.text
    return found[1]


def refused_alike(secured: HttpClient, caller: Mapping[str, str]) -> str:
    """How we name a caller who may not change jobs; fails unless the cluster names the same one so."""
    ours = described(secured.delete("/_ml/anomaly_detectors/no-such", headers=caller))
    setting = {"persistent": {"cluster.max_shards_per_node": None}}
    assert ours == described(secured.put("/_cluster/settings", json_body=setting, headers=caller))
    return ours


def test_one_who_runs_as_another_has_the_rights_of_the_other(secured: HttpClient) -> None:
    as_user = {**basic("runner"), "es-security-runas-user": "ml_user"}
    as_admin = {**basic("runner"), "es-security-runas-user": "ml_admin"}
    assert secured.get("/_ml/anomaly_detectors", headers=basic("runner")).status == 403
    assert secured.get("/_ml/anomaly_detectors", headers=as_user).status == 200
    assert secured.delete("/_ml/anomaly_detectors/no-such", headers=as_admin).status == 404
    assert refused_alike(secured, as_user).startswith("user [runner] run as [ml_user] with effective roles [")
    forbidden = {**basic("runner"), "es-security-runas-user": "admin"}
    assert "is unauthorized to run as [admin]" in reason(secured.get("/_ml/info", headers=forbidden))


def test_service_tokens_have_the_rights_of_their_account(secured: HttpClient) -> None:
    assert secured.delete("/_ml/anomaly_detectors/no-such", headers=service_token("elastic/kibana")).status == 404
    assert refused_alike(secured, service_token("elastic/fleet-server")).startswith("service account [elastic/fleet-")
    assert secured.get("/_ml/info", headers=service_token("elastic/kibana", "another-secret")).status == 401


def test_api_keys_have_the_rights_they_were_made_with(secured: HttpClient, secured_cluster_url: str) -> None:
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed, so the cluster has no index for API keys")
    cluster, roles = HttpClient(secured_cluster_url), {"reader": {"cluster": ["monitor_ml"]}}
    made = cluster.post("/_security/api_key", json_body={"name": "reads", "role_descriptors": roles}, headers=ADMIN)
    key = made.json()
    caller = {"authorization": f"ApiKey {key['encoded']}"}
    assert secured.get("/_ml/anomaly_detectors", headers=caller).status == 200
    assert refused_alike(secured, caller).startswith(f"API key id [{key['id']}] of user [admin]")
    assert cluster.delete("/_security/api_key", json_body={"ids": [key["id"]]}, headers=ADMIN).status == 200
    assert secured.get("/_ml/anomaly_detectors", headers=caller).status == 401
