"""The way of every request on our paths: the same heads are answered alike by the cluster on its paths and by us."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket

import cbor2
import pytest
import yaml
from aiohttp import web

from proxy.alerting.service import Alerting
from proxy.api.access import Access
from proxy.api.call import Call
from proxy.api.dispatch import Dispatcher
from proxy.api.operation import Operation, Router
from proxy.api.services import Services
from proxy.app import epoch_ms
from proxy.metrics import Metrics
from proxy.runtime.supervisor import Supervisor
from proxy.schemas import shipped_schemas
from proxy.store import Store
from tests.http_client import Answer, HttpClient

VENDORED = "application/vnd.elasticsearch+json; compatible-with="
JOB = {"analysis_config": {"detectors": [{"function": "count"}]}, "data_description": {}}
# A read, and a read with a body, of ours and of the cluster's.
OURS, OURS_WITH_BODY = "/_ml/anomaly_detectors", "/_ml/anomaly_detectors/_validate/detector"
THEIRS, THEIRS_WITH_BODY = "/_cluster/health", "/_search"


def raw_request(client: HttpClient, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    """A request with exactly these headers, none added but the length of its body."""
    connection = http.client.HTTPConnection(client.address, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def major(cluster_client: HttpClient) -> int:
    nodes = cluster_client.get("/_nodes/_local/_none").json()["nodes"]
    return int(next(iter(nodes.values()))["version"].split(".")[0])


def for_major(media_type: str, major: int) -> str:
    """The versions in the tables below are those for 8; of another cluster, as far from its own."""
    return re.sub(r"(compatible-with\s*=\s*)(\d)", lambda found: f"{found[1]}{int(found[2]) - 8 + major}", media_type)


def parameters(content_type: str) -> list[str]:
    """The cluster writes them in an order that differs from run to run."""
    return sorted(content_type.replace(" ", "").split(";"))


def refusal(answer: Answer) -> object:
    """The error of an answer; the order of names in one text differs from run to run of the cluster."""
    text = answer.text.replace("[Content-Type, Accept]", "[both]").replace("[Accept, Content-Type]", "[both]")
    return answer.status, json.loads(text)["error"]


# Media types.


@pytest.mark.parametrize(
    "accept",
    [
        "application/json", "application/json; charset=utf-8", "application/JSON;q=0.9", "*/*", "*/*;q=0.8",
        "text/html", "text/html;q=0.3", "application/json, text/plain, */*", "text/html, application/yaml",
        "application/yaml", "application/yaml;charset=x", "application/cbor", "application/x-ndjson", "text/plain",
        "application/smile",
        VENDORED + "8", VENDORED + "7", VENDORED + "8;charset=utf-8", "application/vnd.elasticsearch+json",
        "application/vnd.elasticsearch+yaml;compatible-with=8", "application/vnd.elasticsearch+cbor;compatible-with=8",
        "application/vnd.elasticsearch+bogus;compatible-with=8", "foo/bar",
    ],
)  # fmt: skip
def test_the_content_type_is_that_which_the_cluster_would_choose(accept, client, cluster_client, major):
    accept = for_major(accept, major)
    ours = client.get(OURS, headers={"accept": accept})
    theirs = cluster_client.get(THEIRS, headers={"accept": accept})
    assert ours.status == theirs.status == 200
    assert parameters(ours.headers["content-type"]) == parameters(theirs.headers["content-type"])


@pytest.mark.parametrize("form", ["json", "JSON", "yaml", "YAML", "cbor", "smile", "bogus", ""])
@pytest.mark.parametrize("accept", [None, "application/yaml", VENDORED + "8"])
def test_format_in_the_query_wins_over_the_header(form, accept, client, cluster_client):
    headers = {"accept": accept} if accept else {}
    ours = client.get(f"{OURS}?format={form}", headers=headers)
    theirs = cluster_client.get(f"{THEIRS}?format={form}", headers=headers)
    assert ours.headers["content-type"] == theirs.headers["content-type"]


@pytest.mark.parametrize(
    "accept",
    [
        VENDORED + "9", VENDORED + "6", "garbage", "garbage;x=y", "application/json; charset", "",
        "application/vnd.elasticsearch+json ; compatible-with = 8",
    ],
)  # fmt: skip
def test_an_unusable_accept_is_refused_in_the_words_of_the_cluster(accept, client, cluster_client, major):
    accept = for_major(accept, major)
    ours = client.get(OURS, headers={"accept": accept})
    assert ours.status == 400
    assert refusal(ours) == refusal(cluster_client.get(THEIRS, headers={"accept": accept}))


@pytest.mark.parametrize(
    ("content_type", "accept"),
    [
        (VENDORED + "8", None), (VENDORED + "8", "*/*"), (VENDORED + "8", "application/json"),
        ("application/json", VENDORED + "8"), (VENDORED + "8", VENDORED + "7"), (VENDORED + "9", VENDORED + "8"),
        (VENDORED + "9", None), ("garbage", None), ("application/json;foo", None), ("", None),
        ("text/plain", None), ("text/yaml", None), ("application/x-www-form-urlencoded", "application/yaml"),
    ],
)  # fmt: skip
def test_an_unusable_content_type_is_refused_in_the_words_of_the_cluster(
    content_type, accept, client, cluster_client, major
):
    content_type, accept = for_major(content_type, major), accept and for_major(accept, major)
    headers = {"content-type": content_type} | ({"accept": accept} if accept else {})
    ours = raw_request(client, "POST", OURS_WITH_BODY, headers, b"{}")
    theirs = raw_request(cluster_client, "POST", THEIRS_WITH_BODY, headers, b"{}")
    assert ours.status in (400, 406)
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert ours.status == theirs.status
    if "yaml" not in ours.headers["content-type"]:
        assert refusal(ours) == refusal(theirs)


def test_a_body_without_a_content_type_is_refused(client, cluster_client):
    ours = raw_request(client, "POST", OURS_WITH_BODY, {}, b"{}")
    assert ours.status == 406
    assert ours.body == raw_request(cluster_client, "POST", THEIRS_WITH_BODY, {}, b"{}").body


@pytest.mark.parametrize("content_type", ["application/yaml", VENDORED + "8", "text/plain", "application/json"])
def test_a_content_type_without_a_body_only_chooses_the_form(content_type, client, cluster_client):
    headers = {"content-type": content_type}
    ours, theirs = (raw_request(to, "GET", path, headers) for to, path in ((client, OURS), (cluster_client, THEIRS)))
    assert (ours.status, ours.headers["content-type"]) == (theirs.status, theirs.headers["content-type"])


def test_the_forms_of_an_answer_hold_the_same_document(client):
    document = client.get(OURS).json()
    assert cbor2.loads(client.get(f"{OURS}?format=cbor").body) == document
    assert yaml.safe_load(client.get(f"{OURS}?format=yaml").body) == document
    assert json.loads(client.get(f"{OURS}?pretty").body) == document


def test_errors_take_the_form_that_was_asked_for(client, cluster_client):
    for query in ("?bogus=1&pretty", "?bogus=1&pretty&filter_path=status", "?bogus=1&format=yaml"):
        ours, theirs = client.get(OURS + query), cluster_client.get(THEIRS + query)
        assert ours.text == theirs.text.replace(THEIRS, OURS)


# Methods and paths.


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "PROPFIND", "PUT"])
def test_a_method_that_a_path_lacks_is_refused_in_the_words_of_the_cluster(method, client, cluster_client):
    ours, theirs = (to.request(method, path + "?pretty") for to, path in ((client, OURS), (cluster_client, THEIRS)))
    assert (ours.status, ours.headers["allow"]) == (405, "GET")
    assert theirs.headers["allow"] == "GET"
    assert ours.text == theirs.text.replace(THEIRS, OURS)
    assert ours.headers["content-type"] == theirs.headers["content-type"] == "application/json"


def test_head_on_a_path_that_is_only_read_is_refused_without_a_body(client):
    answer = client.request("HEAD", OURS)
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET", b"")


@pytest.mark.parametrize(
    "path",
    ["/_ml", "/_ml/", "/_ml/nothing", "/_ml/anomaly_detectors/a/b/c/d/e", "/_ml//anomaly_detectors", "/_xpack/ml"],
)
def test_a_path_that_no_operation_has_is_refused_in_the_words_of_the_cluster(path, client, cluster_client):
    ours, theirs = client.get(path + "?a=b"), cluster_client.get("/_nothing//like?a=b")
    assert ours.status == theirs.status == 400
    assert ours.text == theirs.text.replace("/_nothing//like", path)


def test_a_slash_behind_a_path_changes_nothing(client):
    assert client.get(OURS + "/").body == client.get(OURS).body


def test_options_tells_the_methods(client, cluster_client):
    answer = client.request("OPTIONS", OURS)
    assert (answer.status, answer.headers["allow"], answer.body) == (200, "GET", b"")
    assert answer.headers["content-type"] == cluster_client.request("OPTIONS", THEIRS).headers["content-type"]
    assert client.request("OPTIONS", OURS + "/x").headers["allow"] == "GET,PUT,DELETE"
    assert client.request("OPTIONS", "/_ml/nothing/at/all").headers.get("allow") is None


@pytest.mark.parametrize("path", ["/%zz", "/%", "/a%4"])
def test_broken_escapes_in_a_path_are_refused_in_the_words_of_the_cluster(path, client, cluster_client):
    like_ours = "/_cluster/state/blocks"  # as long as ours, so that the escape has the same place
    assert len(OURS) == len(like_ours)
    ours, theirs = client.get(OURS + path), cluster_client.get(like_ours + path)
    assert ours.status == theirs.status == 400
    assert ours.text == theirs.text.replace(like_ours, OURS)


@pytest.mark.parametrize("query", ["a=%zz", "%4=1", "a=%"])
def test_broken_escapes_in_a_query_are_refused_in_the_words_of_the_cluster(query, client, cluster_client):
    assert refusal(client.get(f"{OURS}?{query}")) == refusal(cluster_client.get(f"{THEIRS}?{query}"))


def test_unknown_parameters_are_refused_with_what_may_be_meant(client):
    error = client.get(f"{OURS}/none?allow_no_jbs=true&zzz&prety&job_di=1").json()["error"]
    assert error["reason"] == (
        f"request [{OURS}/none] contains unrecognized parameters: "
        "[allow_no_jbs] -> did you mean any of [allow_no_jobs, allow_no_match]?, "
        "[job_di] -> did you mean [job_id]?, [prety] -> did you mean [pretty]?, [zzz]"
    )
    assert error["type"] == "illegal_argument_exception"


@pytest.mark.parametrize("name", ["pretty", "human"])
def test_flags_that_are_none_are_refused_in_the_words_of_the_cluster(name, client, cluster_client):
    assert refusal(client.get(f"{OURS}?{name}=x")) == refusal(cluster_client.get(f"{THEIRS}?{name}=x"))


def test_the_old_prefix_works_and_warns(client):
    answer = client.get("/_xpack/ml/anomaly_detectors/none*")
    assert answer.json() == {"count": 0, "jobs": []}
    (warning,) = answer.headers.get_all("warning")
    old, new = "GET /_xpack/ml/anomaly_detectors/{job_id}", "GET /_ml/anomaly_detectors/{job_id}"
    assert warning.startswith("299 Elasticsearch-")
    assert warning.endswith(f'"[{old}] is deprecated! Use [{new}] instead."')
    assert client.get("/_xpack/ml/anomaly_detectors/none").headers.get_all("warning"), "errors warn as well"


async def test_an_answer_that_cannot_be_written_is_an_error_in_the_form_that_was_asked_for(config, aiohttp_client):
    async def unwritable(call: Call, services: Services) -> dict[str, object]:
        call.warn("it was warned of")
        return {"a": object()}

    store = Store(config)
    access = Access(store.client, "off")
    runtime = Supervisor(store, config, epoch_ms)
    alerting = Alerting(store, runtime, config, epoch_ms)
    services = Services(store, runtime, epoch_ms, config, access, Metrics(), alerting)
    router = Router([Operation(name="ml.info", handler=unwritable, routes=("GET /_ml/info",))])
    app = web.Application()
    dispatcher = Dispatcher(router, shipped_schemas(), services)
    app.router.add_route("*", "/{path:.*}", dispatcher.handle)
    client = await aiohttp_client(app)
    answer = await client.get("/_ml/info?format=yaml")
    assert answer.status == 500
    assert answer.content_type == "application/yaml"
    assert answer.headers["X-elastic-product"] == "Elasticsearch"
    assert "it was warned of" in answer.headers["Warning"]
    assert yaml.safe_load(await answer.text())["error"]["type"] == "exception"
    await store.close()


# Bodies.


# Headers of answers.


def test_every_answer_names_the_product_and_the_callers_id(client):
    for path in (OURS, OURS + "/none", "/_ml/nothing"):
        answer = client.get(path, headers={"x-opaque-id": "mine"})
        assert (answer.headers["x-elastic-product"], answer.headers["x-opaque-id"]) == ("Elasticsearch", "mine")


def test_identifying_headers_that_come_twice_are_refused(client):
    host, port = client.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"GET {OURS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.sendall(f"{head}Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"multiple values for single-valued header [Authorization]" in answer


def test_large_answers_are_compressed_for_those_who_take_it(client):
    path = f"{OURS}?{'x' * 3000}"
    plain = client.get(path)
    packed = client.get(path, headers={"accept-encoding": "deflate, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert client.get(path, headers={"accept-encoding": "gzip;q=0"}).headers.get("content-encoding") is None
    small = client.get("/_ml/nothing", headers={"accept-encoding": "gzip"})
    assert small.headers.get("content-encoding") is None


def test_error_trace_adds_where_an_error_arose(client):
    error = client.get(f"{OURS}/none?error_trace").json()["error"]
    assert "proxy.store.jobs.resolve" in error["stack_trace"]
    assert error["root_cause"][0]["stack_trace"] == error["stack_trace"]
    assert "stack_trace" not in client.get(f"{OURS}/none").json()["error"]


@pytest.mark.parametrize("header", [b"Accept: appl\xff\xfe", b"Content-Type: appl\xff\xfe"])
def test_a_header_that_is_no_utf8_is_refused_and_told(client, header):
    host, port = client.address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as caller:
        head = b"POST /_ml/anomaly_detectors/_validate/detector HTTP/1.1\r\nHost: p\r\nConnection: close\r\n"
        caller.sendall(head + b"Content-Length: 2\r\n" + header + b"\r\n\r\n{}")
        answer = b"".join(iter(lambda: caller.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 40"), answer
    json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_line_end_in_a_path_is_answered_as_any_other_path(client):
    answer = client.get("/_ml/anomaly_detectors/a%0ab")
    assert answer.headers["content-type"].startswith("application/json")
    assert (answer.status, answer.json()["error"]["type"]) == (404, "resource_not_found_exception")


def test_a_long_opaque_id_does_not_cut_us_off_from_the_cluster(client):
    assert client.get(OURS, headers={"X-Opaque-Id": "x" * 9000}).status == 200


def test_a_stack_trace_does_not_tell_where_the_product_is_installed(client):
    trace = client.get(f"{OURS}/none?error_trace").json()["error"]["stack_trace"]
    assert "proxy.api.dispatch" in trace
    assert "/" not in trace.replace(OURS, "")
