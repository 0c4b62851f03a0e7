"""Several proxies, of which one is stopped and one is killed: the short form of ``test_many_proxies``."""

from __future__ import annotations

import signal
import threading

import pytest

from tests.faults.proxies import proxies
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import JOB, results

JOB_PATH = "/_ml/anomaly_detectors/handed-on"


@pytest.mark.scenario(4)
@pytest.mark.scenario(5)
def test_a_job_goes_on_whoever_leads_and_nothing_of_a_former_leader_lands(cluster_url: str, undisturbed: dict) -> None:
    with proxies(cluster_url, "a", "b") as many:
        other = many.clients["b"]
        # All of it through one who does not lead.
        assert other.put(JOB_PATH, json_body=JOB).status == 200
        assert other.post(f"{JOB_PATH}/_open").status == 200
        many.post("handed-on", 0, 50)
        assert other.get(JOB_PATH).json()["jobs"][0]["job_id"] == "handed-on"
        node = many.clients["a"].get(f"{JOB_PATH}/_stats").json()["jobs"][0]["node"]
        assert other.get(f"{JOB_PATH}/_stats").json()["jobs"][0]["node"] == node
        assert f"http://{node['transport_address']}" == many.clients["a"].url
        # Stopped within a post: its model's process works on, and then itself.
        posting = threading.Thread(target=many.post, args=("handed-on", 50, 100))
        posting.start()
        many.signal("a", signal.SIGSTOP)
        many.another_leads("a", within_s=15)
        posting.join(60)
        many.post("handed-on", 100, 140)
        assert other.post(f"{JOB_PATH}/_flush").status == 200
        moved = other.get(f"{JOB_PATH}/_stats").json()["jobs"][0]["node"]
        assert f"http://{moved['transport_address']}" == other.url
        assert moved["id"] != node["id"]
        assert takeovers(other) == [
            f"Opening job on node [{node['name']}]",
            f"Job unassigned from node [{node['name']}]",
            f"Opening job on node [{moved['name']}]",
        ]
        before = many.documents()
        many.signal("a", signal.SIGCONT)
        wait_until(lambda: many.clients["a"].get(f"{JOB_PATH}/_stats").status == 200, 20)
        assert many.documents() == before
        assert many.leader() == "b"
        # And back to it, which led before.
        many.kill("b")
        many.post("handed-on", 140, 200)
        assert many.leader() == "a"
        closed = many.ask("POST", f"{JOB_PATH}/_close")
        assert closed.json() == {"closed": True}, closed.text
        client = many.clients["a"]
        assert results(client, "handed-on") == undisturbed
        counts = client.get(f"{JOB_PATH}/_stats").json()["jobs"][0]["data_counts"]
        assert counts["processed_record_count"] == 2400
        assert len(takeovers(client)) == 5
        many.ask("DELETE", JOB_PATH)


def takeovers(client: HttpClient) -> list[str]:
    """What users are told of where the job was, in order."""
    client.post("/.ml-notifications*/_refresh")
    of_job, about_nodes = {"term": {"job_id": "handed-on"}}, {"regexp": {"message.raw": ".*(on|from) node .*"}}
    body = {"query": {"bool": {"filter": [of_job, about_nodes]}}, "sort": ["timestamp"], "size": 100}
    hits = client.post("/.ml-notifications*/_search", json_body=body).json()["hits"]["hits"]
    return [hit["_source"]["message"] for hit in hits]
