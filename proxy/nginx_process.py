"""nginx in front of the proxy, as a process that we start, watch and end. Its configuration is nginx.py's matter."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

from proxy.cluster.node import die_with_parent
from proxy.runtime.tasks import Tasks

_log = logging.getLogger(__name__)

# Where packages put it, which is on the path of root alone.
_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
_MAIN = """\
daemon off;
pid {folder}/pid;
worker_processes auto;
events {{ worker_connections 10000; }}
http {{
access_log off;
{places}
{server}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_START_TIMEOUT_S = 10.0
_POLL_S = 0.05
# Doubled after each end, up to the last; one that has run for so long begins anew.
_RESTART_S, _MAX_RESTART_S, _STEADY_S = 1.0, 30.0, 60.0


class NginxProblem(Exception):
    """nginx cannot be had or does not start; the text is one sentence for the user."""


def find_nginx() -> str:
    """
    Raises:
        NginxProblem: it is not installed.
    """
    found = shutil.which("nginx") or shutil.which("nginx", path=_FOLDERS)
    if found is None:
        raise NginxProblem("nginx is not installed: install it (apt-get install nginx-light), or serve without --nginx")
    return found


class NginxProcess:
    """A running nginx; what it says of errors is in our log, and it is started again where it ends by itself."""

    def __init__(self, server: str, host: str, port: int) -> None:
        """``server``: what ``nginx_config`` made; ``host`` and ``port``: where that can be reached."""
        self._address = host, port
        self._folder = tempfile.TemporaryDirectory(prefix="lanewatch-nginx-")
        self._tasks = Tasks()
        self._process: Process | None = None
        folder = Path(self._folder.name)
        # Its workers are another user where we are root, and reach the folders that are theirs through this one.
        folder.chmod(0o711)
        places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
        text = _MAIN.format(folder=folder, places=places, server=server)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """Returns when it listens.

        Raises:
            NginxProblem: it does not start; the text has its own words.
        """
        await self._check()
        self._process = await self._launch()
        self._tasks.spawn(self._watch(), "nginx")
        await self._until_listening()

    async def close(self, timeout_s: float) -> None:
        """Lets requests in flight end, for so long."""
        await self._tasks.stop()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGQUIT)
            try:
                await asyncio.wait_for(self._process.wait(), timeout_s)
            except TimeoutError:
                self._process.terminate()
                await self._process.wait()
        self._folder.cleanup()

    def _command(self) -> list[str]:
        folder = self._folder.name
        return [find_nginx(), "-p", folder, "-c", f"{folder}/nginx.conf", "-e", "stderr"]

    async def _check(self) -> None:
        checking = await asyncio.create_subprocess_exec(*self._command(), "-t", "-q", stdout=DEVNULL, stderr=PIPE)
        _, said = await checking.communicate()
        if checking.returncode:
            raise NginxProblem(f"nginx does not take its configuration: {_first_line(said)}")

    async def _launch(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._command(), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE,
            start_new_session=True, preexec_fn=die_with_parent(),
        )  # fmt: skip

    async def _watch(self) -> None:
        pause_s, loop = _RESTART_S, asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            if self._process is not None:
                code = await self._until_ended(self._process)
                pause_s = _RESTART_S if loop.time() - began_s > _STEADY_S else min(pause_s * 2, _MAX_RESTART_S)
                _log.error("nginx has ended with [%d] and is started again in %g s", code, pause_s)
            await asyncio.sleep(pause_s)
            try:
                self._process = await self._launch()
            except (OSError, NginxProblem) as error:
                # It may be absent for as long as its package is being replaced.
                self._process, pause_s = None, min(pause_s * 2, _MAX_RESTART_S)
                _log.error("nginx could not be started and is tried again in %g s: %s", pause_s, error)

    async def _until_ended(self, process: Process) -> int:
        """The code with which it ended, once nothing of it is left."""
        telling = self._tasks.spawn(_relay(process), "messages of nginx")
        code = await process.wait()
        # Workers outlive a master that was killed, and hold its port and its messages.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await telling
        return code

    async def _until_listening(self) -> None:
        loop = asyncio.get_running_loop()
        last_s = loop.time() + _START_TIMEOUT_S
        while loop.time() < last_s:
            assert self._process is not None, "start() comes first"
            if self._process.returncode is not None:
                break
            with suppress(OSError):
                _, writer = await asyncio.open_connection(*self._address)
                writer.close()
                return
            await asyncio.sleep(_POLL_S)
        raise NginxProblem("nginx does not listen; the log says why")


async def _relay(process: Process) -> None:
    """What nginx says, until it ends."""
    assert process.stderr is not None, "it is piped"
    async for line in process.stderr:
        _log.warning("nginx: %s", line.decode(errors="replace").strip())


def _first_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "it does not say why"
