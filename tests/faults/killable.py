"""A real Elasticsearch of the tests' own that is killed and started again, and a proxy before it as its own process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.cluster.folders import Additions
from proxy.cluster.node import Node, start_node
from proxy.config_loading import load_config
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import free_port, wait_until_answering


class KillableNode:
    """Keeps its data and its port over kills."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._config = load_config(environ={}, overrides={"cluster": {"heap": "512mb"}}).cluster
        self._node: Node | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = HttpClient(self.url)
        self.start()

    def start(self, **settings: str) -> None:
        """Starts it, in the main thread, with whose end it ends too; dots in names of settings are written as `__`."""
        given = Additions({name.replace("__", "."): value for name, value in settings.items()}, {})
        self._node = start_node(self._config, data_dir=self._folder, port=self._port, report=print, additions=given)

    def kill(self) -> None:
        """As `kill -9` of the node and of what it was started by."""
        if self._node is not None:
            os.killpg(self._node.process.pid, signal.SIGKILL)
            self._node.process.wait()
            wait_until(self._is_gone, 30)  # what the killed process had started takes a moment to be gone
            self._node.folders.release()
            self._node = None

    def _is_gone(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError:
                return False
        return True


@contextmanager
def serving(cluster_url: str, **settings: str) -> Iterator[tuple[HttpClient, subprocess.Popen[bytes]]]:
    """A proxy as a process of its own, with settings from the environment; and the process."""
    port = free_port()
    command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster_url, "--port", str(port)]
    environ = {**os.environ, **{f"LANEWATCH_{name}": value for name, value in settings.items()}}
    process = subprocess.Popen(command, env=environ)
    try:
        wait_until_answering(port)
        yield HttpClient(f"http://127.0.0.1:{port}"), process
    finally:
        process.terminate()
        process.wait(60)


def memory_mb(pid: int) -> float:
    """What a process holds in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def family(pid: int) -> list[int]:
    """A process and its children."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [pid, *(child for child in map(int, listed.stdout.split()) if Path(f"/proc/{child}/statm").exists())]


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
