"""How the kit reaches an endpoint: who it says it is, whom it trusts, and what it skips there."""

import asyncio
import ssl

import pytest
import trustme
from aiohttp import web

from proxy.contract_kit.endpoint import ContractProblem, Endpoint, credentials, endpoint
from proxy.contract_kit.runner import LANEWATCH, Runner
from proxy.contract_kit.scenario import Request, scenario

PREFIX = "own-"


async def echo(request: web.Request) -> web.Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    told = {"target": request.raw_path, "body": (await request.read()).decode(), "headers": headers}
    return web.json_response(told)


def echoing() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    return app


async def test_paths_go_out_as_they_are_written(aiohttp_server):
    server = await aiohttp_server(echoing())
    asked = Request("POST", "/_ml/a%2Fb/../c,d", {"size": 1, "h": "a b"}, {"x-a": "1"}, ndjson=({"a": 1}, {}))
    for base in ("", "/under"):
        answer = await asyncio.to_thread(Endpoint(str(server.make_url(base)), {"x-b": "2"}).send, asked)
        told = answer.parsed()
        assert told["target"] == base + "/_ml/a%2Fb/../c,d?size=1&h=a+b"
        assert told["body"] == '{"a": 1}\n{}\n'
        assert (told["headers"]["x-a"], told["headers"]["x-b"]) == ("1", "2")
        assert told["headers"]["content-type"] == "application/x-ndjson"


async def test_a_certificate_is_trusted_by_its_authority_or_not_at_all(aiohttp_server, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = await aiohttp_server(echoing(), ssl=context)
    url = f"https://127.0.0.1:{server.port}"
    for trust in ({"ca_certs": str(tmp_path / "ca.pem")}, {"insecure": True}):
        assert (await asyncio.to_thread(endpoint(url, {}, **trust).call, "GET", "/")).status == 200
    with pytest.raises(ContractProblem, match="CERTIFICATE_VERIFY_FAILED"):
        await asyncio.to_thread(endpoint(url, {}).call, "GET", "/")
    with pytest.raises(ContractProblem, match=r"cannot use \[nowhere.pem\]"):
        endpoint(url, {}, ca_certs="nowhere.pem")


def test_who_asks_is_said_by_a_user_or_a_key(monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "secret")
    assert credentials("ada:secret", None) == credentials("ada", None) == {"authorization": "Basic YWRhOnNlY3JldA=="}
    assert credentials(None, "key") == {"authorization": "ApiKey key"}
    assert credentials(None, None) == {}


@pytest.mark.parametrize(
    ("name", "alone", "product", "reason"),
    [
        ("alerting/0001-rules", True, "elasticsearch", "only lanewatch has it"),
        ("jobs/0021-no-jobs", False, LANEWATCH, "reads all jobs (--disruptive runs it)"),
        ("results/0180-ids-that-name-the-results-of-others", True, LANEWATCH, "it writes past the endpoint"),
    ],
)
def test_what_cannot_be_asked_is_skipped_with_a_reason(name, alone, product, reason):
    runner = Runner(Endpoint("http://127.0.0.1:9"), None, PREFIX, alone=alone, product=product)
    outcome = runner.run(scenario(name, PREFIX))
    assert outcome.verdict == "skipped"
    assert outcome.skipped[0].startswith(reason)
