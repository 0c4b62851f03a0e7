"""The full circle: an anomaly, a rule, an Alertmanager, a receiver, each of them real; and deaths in between."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from typing import Any

import pytest
from aiohttp import web

from tests.alerting.receiver import receiving
from tests.alerting.rules import form
from tests.alerting.test_alerts import FIRST, JOB, JOB_ID, counts
from tests.http_client import HttpClient
from tests.runtime.test_restart import free_port, wait_until_answering

WAIT_S = 60


class Proxy:
    """One as a process of its own, which can be killed."""

    def __init__(self, cluster_url: str) -> None:
        self.cluster_url = cluster_url
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        port = free_port()
        arguments = ["-m", "proxy", "serve", "--elasticsearch", self.cluster_url, "--port", str(port)]
        self.process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
        await asyncio.to_thread(wait_until_answering, port)
        self.client = HttpClient(f"http://127.0.0.1:{port}")

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def kill_and_start(self) -> None:
        await self.kill()
        await self.start()

    async def ask(self, method: str, path: str, **given: Any) -> Any:
        answer = await asyncio.to_thread(self.client.request, method, path, **given)
        assert answer.status < 300, answer.text
        return answer


@pytest.fixture
async def proxy(loop, cluster_url):
    proxy = Proxy(cluster_url)
    await proxy.start()
    proxy.client.delete(JOB, query={"force": "true"})
    yield proxy
    proxy.client.delete(JOB, query={"force": "true"})
    await proxy.kill()


async def prepare(proxy: Proxy, kind: str, config: dict[str, Any]) -> tuple[str, str]:
    """A job, a connector and a rule; returns the paths of the last two."""
    suffix = secrets.token_hex(4)
    connector, rule = f"/api/actions/connector/to-{suffix}", f"/api/alerting/rule/circle-{suffix}"
    await proxy.ask("POST", connector, json_body={"name": "To", "connector_type_id": kind, "config": config})
    action = {"id": connector.rpartition("/")[2], "group": "anomaly_score_match", "params": {}}
    given = form(50, params={"jobSelection": {"jobIds": [JOB_ID]}}, actions=[action, action | {"group": "recovered"}])
    await proxy.ask("POST", rule, json_body=given)
    analysis = {"bucket_span": "1h", "summary_count_field_name": "n", "detectors": [{"function": "high_count"}]}
    put = {"analysis_config": analysis, "data_description": {"time_field": "time"}}
    await proxy.ask("PUT", JOB, json_body=put)
    await proxy.ask("POST", f"{JOB}/_open")
    return connector, rule


async def test_an_anomaly_goes_round_the_circle(proxy, circle):
    alertmanager, receiver = circle
    connector, rule = await prepare(proxy, ".alertmanager", {"urls": [alertmanager.url]})
    # The loud bucket is final, the quiet one after it is not.
    await proxy.ask("POST", f"{JOB}/_data", ndjson=counts(0, FIRST + 2, (FIRST,)))
    await receiver.wait_for(1, WAIT_S)
    await proxy.ask("POST", f"{JOB}/_data", ndjson=counts(FIRST + 2, FIRST + 6))
    firing, resolved = await receiver.wait_for(2, WAIT_S)
    check_told(firing, resolved)
    await proxy.ask("DELETE", rule)
    await proxy.ask("DELETE", connector)


@pytest.mark.faults
async def test_an_anomaly_goes_round_the_circle_through_five_deaths(proxy, circle):
    """Killed once nothing is under way, with data taken in, with the alert told, with the end due, and after it."""
    alertmanager, receiver = circle
    connector, rule = await prepare(proxy, ".alertmanager", {"urls": [alertmanager.url]})
    await proxy.kill_and_start()
    await proxy.ask("POST", f"{JOB}/_data", ndjson=counts(0, FIRST + 2, (FIRST,)))
    await proxy.kill_and_start()
    await receiver.wait_for(1, 2 * WAIT_S)
    await proxy.kill_and_start()
    await proxy.ask("POST", f"{JOB}/_data", ndjson=counts(FIRST + 2, FIRST + 6))
    await proxy.kill_and_start()
    await receiver.wait_for(2, 2 * WAIT_S)
    await proxy.kill_and_start()
    await asyncio.sleep(5)
    firing, resolved = receiver.got
    check_told(firing, resolved)
    await proxy.ask("DELETE", rule)
    await proxy.ask("DELETE", connector)


@pytest.mark.faults
async def test_a_message_whose_sender_dies_before_it_hears_the_answer_comes_again_under_its_key(proxy, loop):
    async with receiving() as receiver:
        connector, rule = await prepare(proxy, ".webhook", {"url": receiver.url})

        def kill_first(request: web.Request) -> web.Response:
            proxy.process.send_signal(signal.SIGKILL)
            return web.Response()

        receiver.behaviours.append(kill_first)
        await proxy.ask("POST", f"{JOB}/_data", ndjson=counts(0, FIRST + 2, (FIRST,)))
        await receiver.wait_for(1, WAIT_S)
        await proxy.process.wait()
        await proxy.start()
        first, second = await receiver.wait_for(2, 2 * WAIT_S)
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
        assert first.body == second.body
        await asyncio.sleep(5)
        assert len(receiver.got) == 2
        await proxy.ask("DELETE", rule)
        await proxy.ask("DELETE", connector)


def check_told(firing, resolved):
    assert [each.body["status"] for each in (firing, resolved)] == ["firing", "resolved"]
    labels = [each.body["alerts"][0]["labels"] for each in (firing, resolved)]
    assert labels[0] == labels[1]
    assert labels[0]["job_id"] == JOB_ID
    assert "anomaly in count" in firing.body["alerts"][0]["annotations"]["summary"]
