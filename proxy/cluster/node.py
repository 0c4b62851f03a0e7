"""One local Elasticsearch node: its start, its health and its end. What it reads and writes is folders.py's matter.

Bound to loopback and without security: for trials, demos and tests, never for the data of others.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError, URLError

from proxy.cluster.account import Account, unprivileged_account
from proxy.cluster.build import Build, Report, find_build
from proxy.cluster.folders import LOOPBACK, NO_ADDITIONS, Additions, Folders, prepare_folders, write_config
from proxy.cluster.java import find_java
from proxy.cluster.problem import ClusterProblem
from proxy.config import ByteSize, ClusterConfig
from proxy.units import format_bytes

POLL_S = 0.1
REPORT_EVERY_S = 10
# Elasticsearch gives its own shards ten seconds to close; past this it hangs.
STOP_TIMEOUT_S = 30
SHOWN_LOG_LINES = 5
# What would point the start script elsewhere, and our own secrets, which are no matter of the node's account.
NOT_INHERITED = ("ES_HOME", "JAVA_HOME", "LANEWATCH_")


@dataclass(frozen=True, slots=True)
class Node:
    """A running node; as a context manager it stops at the end of the block."""

    url: str
    build: Build
    folders: Folders
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        stop_process(self.process)
        self.folders.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_node(
    config: ClusterConfig,
    *,
    data_dir: Path | None = None,
    port: int = 0,
    report: Report,
    additions: Additions = NO_ADDITIONS,
    environ: Mapping[str, str] = os.environ,
) -> Node:
    """A healthy node on `port` (0: a free one), its data in `data_dir` (None: temporary).

    Call it in the main thread: on Linux the node ends with the thread that started it.
    Raises ClusterProblem.
    """
    refuse_used_port(port)
    build = find_build(config, report, environ)
    java = find_java(build, environ)
    account = unprivileged_account()
    folders = prepare_folders(data_dir, account)
    write_config(build, folders, port, additions)
    if account:
        for folder in folders.for_the_node():
            account.own(folder)
    report(f"starting Elasticsearch {build.version} with {format_bytes(config.heap)} heap on {java}")
    process = launch(build, java, folders, account, heap=config.heap, environ=environ)
    try:
        url = wait_until_healthy(process, folders, timeout_s=config.start_timeout, report=report)
    except BaseException:
        stop_process(process)
        folders.release()
        raise
    return Node(url, build, folders, process)


def refuse_used_port(port: int) -> None:
    if not port:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise ClusterProblem(
                f"port {port} for Elasticsearch cannot be used ({error.strerror}): "
                f"choose another, or none to have a free one taken"
            ) from error


def launch(
    build: Build,
    java: Path,
    folders: Folders,
    account: Account | None,
    *,
    heap: ByteSize,
    environ: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    heap_mb = heap >> 20
    inherited = {name: value for name, value in environ.items() if not name.startswith(NOT_INHERITED)}
    node_environ = {
        **inherited,
        "ES_JAVA_HOME": str(java),
        "ES_PATH_CONF": str(folders.config),
        "ES_TMPDIR": str(folders.scratch),
        "ES_JAVA_OPTS": f"-Xms{heap_mb}m -Xmx{heap_mb}m {environ.get('ES_JAVA_OPTS', '')}".strip(),
        "HOME": str(folders.scratch),
    }
    with folders.output.open("wb") as output:
        return subprocess.Popen(
            [build.home / "bin" / "elasticsearch"],
            cwd=folders.logs,
            env=node_environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop the node
            pass_fds=[folders.lock.fileno()],  # another start may have the folder once the node has let go of it
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=die_with_parent(),
        )


def die_with_parent() -> Callable[[], None] | None:
    """What the child runs before Elasticsearch so that even our SIGKILL leaves no orphan; None off Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal = 1
    parent = os.getpid()

    def bind() -> None:
        prctl(set_parent_death_signal, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could bind ourselves to it
            os._exit(1)

    return bind


def wait_until_healthy(process: subprocess.Popen[bytes], folders: Folders, *, timeout_s: float, report: Report) -> str:
    """The node's address once its health is yellow or green; raises ClusterProblem with its last words."""
    started = time.monotonic()
    next_report_s = REPORT_EVERY_S
    while (waited_s := time.monotonic() - started) < timeout_s:
        if process.poll() is not None:
            raise ClusterProblem(f"Elasticsearch ended while starting: {last_words(folders)}")
        address = folders.ports.read_text().split() if folders.ports.is_file() else []
        if address and is_healthy(f"http://{address[0]}"):
            return f"http://{address[0]}"
        if waited_s >= next_report_s:
            report(f"waiting for Elasticsearch ({waited_s:.0f} s)")
            next_report_s += REPORT_EVERY_S
        time.sleep(POLL_S)
    raise ClusterProblem(
        f"Elasticsearch was not healthy after {timeout_s:.0f} s (raise cluster.start_timeout on a slow machine): "
        f"{last_words(folders)}"
    )


def is_healthy(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as refusal:  # where security is on the node is up once it asks who we are
        return refusal.code == HTTPStatus.UNAUTHORIZED
    except (URLError, OSError):
        return False


def last_words(folders: Folders) -> str:
    """The lines of the log that most likely say why, and where the rest stands while it lasts."""
    lines = folders.output.read_text(errors="replace").splitlines() if folders.output.is_file() else []
    telling = [line for line in lines if "ERROR" in line or "xception" in line] or lines
    words = " | ".join(line.strip() for line in telling[-SHOWN_LOG_LINES:]) or "it wrote nothing"
    return words if folders.is_temporary else f"{words} (all of it in [{folders.output}])"


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Asks the node to end, and ends it and what it started where it does not."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
