"""`lanewatch contract` against ours, against an endpoint with faults, and broken off."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiohttp import ClientSession, web

from proxy.cli import main
from tests.http_client import HttpClient

TOP = Path(__file__).parents[2]
TIMEOUT_S = 60
JOB = {"analysis_config": {"detectors": [{"function": "count"}]}, "data_description": {}}
# What an honest server never does to an answer: what it does, by the paths that it does it to.
Faults = Callable[[str, bytes], bytes]


@pytest.fixture(autouse=True)
def the_handler_of_sigterm_survives() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def theirs(client: HttpClient) -> Iterator[None]:
    """What somebody else has on the endpoint, under names that scenarios use as well."""
    put = [
        client.put("/_ml/anomaly_detectors/web-1", json_body=JOB),
        client.put("/_ml/filters/safe-domains", json_body={"items": ["a"]}),
        client.put("/_ml/calendars/holidays"),
    ]
    assert [answer.status for answer in put] == [200] * 3
    yield
    client.delete("/_ml/anomaly_detectors/web-1", query={"force": "true"})
    client.delete("/_ml/filters/safe-domains")
    client.delete("/_ml/calendars/holidays")


def everything(cluster_client: HttpClient) -> set[tuple[str, str]]:
    """Every document of the cluster but messages, by index and id."""
    query = {"expand_wildcards": "all", "size": "10000", "_source": "false"}
    cluster_client.post("/_all/_refresh", query={"expand_wildcards": "all"})
    hits = cluster_client.get("/_all/_search", query=query).json()["hits"]["hits"]
    return {(hit["_index"], hit["_id"]) for hit in hits if "notifications" not in hit["_index"]}


def indices(cluster_client: HttpClient) -> set[str]:
    rows = cluster_client.get("/_cat/indices", query={"expand_wildcards": "all", "format": "json", "h": "index"}).json()
    return {row["index"] for row in rows}


def test_ours_holds_and_all_that_others_have_stays(theirs, lanewatch, client, cluster_client, capsys, tmp_path):
    client.put("/_ml/anomaly_detectors/before", json_body=JOB)
    client.delete("/_ml/anomaly_detectors/before")
    before = everything(cluster_client), indices(cluster_client)
    report = tmp_path / "report.json"
    chosen = [*("--only", "filters/0001*"), *("--only", "calendars/0010*"), *("--only", "jobs/0020*")]
    chosen += ["--only", "jobs/0055*", "--only", "results/0180*", "--report", str(report)]
    assert main(["contract", "--url", lanewatch, *chosen]) == 0
    said = capsys.readouterr().out
    assert "requests hold (100 %)" in said
    assert "skipped 3 times: reads all calendars (--disruptive runs it)" in said
    written = json.loads(report.read_text())
    assert written["scenarios"] == {"holds": 4, "deviates": 0, "skipped": 1}
    assert written["left_behind"] == []
    assert (everything(cluster_client), indices(cluster_client)) == before
    assert written["prefix"] not in cluster_client.get("/.ml-notifications*/_search", query={"size": "1000"}).text


def faulty(target: str, faults: Faults) -> web.Application:
    """A server before ours whose answers differ from ours as ``faults`` says."""

    async def handle(request: web.Request) -> web.Response:
        sent = {"data": await request.read(), "headers": {"content-type": "application/json"}}
        async with ClientSession() as session, session.request(request.method, target + request.path_qs, **sent) as got:
            body = faults(f"{request.method} {request.path}", await got.read())
            return web.Response(status=got.status, body=body, content_type=got.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


async def contract(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command, in a process of its own."""
    command = [sys.executable, "-m", "proxy", "contract", *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=TOP, stdout=PIPE, stderr=STDOUT)
    said, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_an_endpoint_with_faults_is_told_them_all(aiohttp_server, client, lanewatch, tmp_path):
    def faults(asked: str, body: bytes) -> bytes:
        if asked.startswith("PUT /_ml/filters/"):
            return body.replace(b"what is safe", b"what was safe")
        if asked.startswith("GET /_ml/filters/"):
            return body.replace(b'"filter_id"', b'"filter"')
        return body

    server = await aiohttp_server(faulty(lanewatch, faults))
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    url = str(server.make_url(""))
    options = ["--only", "filters/0001*", "--report", str(report), "--junit", str(junit)]
    code, said = await contract("--url", url, *options)
    assert code == 1
    assert "deviates  filters/0001-put: a filter is a sorted list of values, each once" in said
    assert "scenarios: 0 hold, 1 deviate, 0 skipped" in said
    (outcome,) = json.loads(report.read_text())["outcomes"]
    told = [(each["request"]["method"], fault) for each in outcome["deviations"] for fault in each["faults"]]
    wrong_text = {"where": "response.description", "expected": "'what is safe'", "got": "'what was safe'"}
    assert told[0] == ("PUT", wrong_text)
    assert any(method == "GET" and fault["where"] == "schema" for method, fault in told), told
    assert client.get("/_ml/filters/lw*").json()["filters"] == []
    suite = ElementTree.fromstring(junit.read_text())
    assert suite.get("failures") == "1"
    assert "response.description: expected 'what is safe', got 'what was safe'" in str(suite.findtext(".//failure"))


async def test_a_run_that_is_broken_off_removes_what_it_made(client, lanewatch):
    command = [sys.executable, "-m", "proxy", "contract", "--url", lanewatch, "--only", "datafeeds/*"]
    process = await asyncio.create_subprocess_exec(*command, cwd=TOP, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    first = (await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S)).decode()
    prefix = first.rpartition("[")[2].strip("]\n")
    for _ in range(100):
        if client.get(f"/_ml/datafeeds/{prefix}*").json()["count"]:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail(f"nothing was made with [{prefix}]")
    process.send_signal(signal.SIGINT)
    said, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 130, said.decode()
    assert b"broken off (interrupted): " in said
    assert b"left behind" not in said
    assert client.get(f"/_ml/datafeeds/{prefix}*").json()["count"] == 0
    assert client.get(f"/_ml/anomaly_detectors/{prefix}*").json()["count"] == 0


def test_an_address_that_nobody_answers_is_told_in_a_sentence(capsys):
    assert main(["contract", "--url", "http://127.0.0.1:9", "--only", "filters/0001*"]) == 1
    assert capsys.readouterr().err.startswith("lanewatch: no answer from [http://127.0.0.1:9]: ")
    assert main(["contract", "--url", "127.0.0.1:9", "--only", "filters/0001*"]) == 1
    assert "is no address like https://host:9200" in capsys.readouterr().err
    assert main(["contract", "--only", "nothing/*"]) == 1
    assert capsys.readouterr().err == "lanewatch: no scenario is named [nothing/*]; --list names them all\n"


def test_what_changes_all_jobs_runs_only_where_there_are_none(theirs, lanewatch, client, capsys):
    assert main(["contract", "--url", lanewatch, "--disruptive", "--only", "jobs/0021*"]) == 1
    assert "has jobs, and [--disruptive] reads and changes all there are" in capsys.readouterr().err
    assert client.get("/_ml/anomaly_detectors/web-1").status == 200


def test_scenarios_are_listed_by_their_operations(capsys):
    assert main(["contract", "--list", "--only", "ml.get_filters"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "filters/0001-put",
        "filters/0010-get",
    ]
