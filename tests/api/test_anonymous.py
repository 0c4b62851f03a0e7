"""A cluster that gives callers without credentials a role of their own: they may do here what that role may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy.cluster.build import find_build
from proxy.cluster.folders import Additions
from proxy.cluster.node import start_node
from proxy.config_loading import load_config
from tests.api.test_access import JOB, basic
from tests.conftest import PASSWORD, ROLES, BackgroundProxy
from tests.email_analysis.build import with_email_analysis
from tests.http_client import HttpClient

pytestmark = [pytest.mark.faults, pytest.mark.cluster]


@pytest.fixture(scope="module")
def anonymous() -> Iterator[HttpClient]:
    """A proxy before a cluster in which nobody is somebody with the role machine_learning_user."""
    additions = Additions(
        settings={
            "xpack.security.enabled": "true",
            "xpack.security.authc.anonymous.username": "passer_by",
            "xpack.security.authc.anonymous.roles": "machine_learning_user,weak",
        },
        files={
            "users": f"proxy:{PASSWORD}\nnobody:{PASSWORD}\n",
            "users_roles": "superuser:proxy\n",
            "roles.yml": ROLES,
        },
    )
    with with_email_analysis(find_build(load_config(environ={}).cluster, print)) as home, ExitStack() as started:
        own_home = {} if home is None else {"es_home": str(home)}
        cluster = load_config(environ={}, overrides={"cluster": {"heap": "512mb", **own_home}}).cluster
        node = started.enter_context(start_node(cluster, report=print, additions=additions))
        own = {"hosts": [node.url], "username": "proxy", "password": PASSWORD}
        overrides = {"elasticsearch": own, "server": {"port": 0, "shutdown_timeout": "1s"}}
        proxy = BackgroundProxy(load_config(environ={}, overrides=overrides))
        yield HttpClient(proxy.start())
        proxy.stop()


def test_nobody_may_what_the_anonymous_role_may_and_no_more(anonymous: HttpClient) -> None:
    assert anonymous.get("/_security/_authenticate").json()["username"] == "passer_by"
    assert anonymous.get("/_ml/anomaly_detectors").status == 200
    refused = anonymous.put("/_ml/anomaly_detectors/mine", json_body=JOB)
    assert refused.status == 403, refused.text
    told = "action [cluster:admin/xpack/ml/job/put] is unauthorized for user [passer_by]"
    assert refused.json()["error"]["reason"].startswith(told)


def test_whoever_says_who_he_is_is_not_anonymous(anonymous: HttpClient) -> None:
    # Elasticsearch gives the role of nobody to everybody.
    assert anonymous.get("/_ml/anomaly_detectors", headers=basic("nobody")).status == 200
    refused = anonymous.put("/_ml/anomaly_detectors/mine", json_body=JOB, headers=basic("nobody"))
    assert "is unauthorized for user [nobody]" in refused.json()["error"]["reason"]
    assert anonymous.get("/_ml/anomaly_detectors", headers=basic("nobody", "wrong")).status == 401
    assert anonymous.put("/_ml/anomaly_detectors/mine", json_body=JOB, headers=basic("proxy")).status == 200
