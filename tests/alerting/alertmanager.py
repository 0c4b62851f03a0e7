"""A real Alertmanager of the tests' own, which tells a receiver."""

from __future__ import annotations

import asyncio
import shutil
import socket

import aiohttp
import pytest

from proxy.runtime.tasks import until_done

CONFIG = """
route: {{receiver: test, group_by: [alertname, job_id], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: test
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Alertmanager:
    """A real one, which can be killed and started again."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    async def start(self):
        arguments = [
            f"--config.file={self.folder / 'config.yml'}", f"--storage.path={self.folder / 'data'}",
            "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{self.port}",
        ]  # fmt: skip
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(self.program, *arguments, stdout=quiet, stderr=quiet)
        await asyncio.wait_for(until_done(self.is_ready, "wait for Alertmanager", every_s=0.05), 20)

    async def is_ready(self):
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    async def alerts(self):
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v2/alerts") as answer:
            return await answer.json()


def installed() -> str:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    return program
