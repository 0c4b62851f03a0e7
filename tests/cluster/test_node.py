import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proxy.cluster import folders
from proxy.cluster.folders import prepare_folders
from proxy.cluster.node import start_node
from proxy.cluster.problem import ClusterProblem
from proxy.config_loading import load_config
from tests.http_client import HttpClient

SETTINGS = load_config(environ={}, overrides={"cluster": {"heap": "512mb"}})
END_TIMEOUT_S = 30

# What a program that starts a node looks like to us: it says the address, then does nothing.
STARTER = """
import sys, time
from pathlib import Path
from proxy.cluster.node import start_node
from proxy.config_loading import load_config
config = load_config(environ={}, overrides={"cluster": {"heap": "512mb"}}).cluster
node = start_node(config, data_dir=Path(sys.argv[1]), report=lambda text: None)
print(node.url, flush=True)
time.sleep(600)
"""


def processes_of(folder: Path) -> list[int]:
    """The processes that were told of `folder`: the node and what started it for us."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if str(folder).encode() in command and b"java" in command:
                pids.append(int(entry.name))
    return pids


def wait_until_ended(folder: Path) -> None:
    deadline = time.monotonic() + END_TIMEOUT_S
    while processes_of(folder):
        assert time.monotonic() < deadline, f"still running: {processes_of(folder)}"
        time.sleep(0.1)


@pytest.mark.cluster
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc, and only Linux ends orphans")
def test_a_node_keeps_its_data_ends_when_told_and_leaves_no_orphan_when_its_parent_is_killed(folder):
    data_dir = folder / "data"
    with start_node(SETTINGS.cluster, data_dir=data_dir, report=print) as node:
        http = HttpClient(node.url)
        assert http.put("/kept/_doc/1", json_body={"day": "2013-02-08"}).status == 201
        with pytest.raises(ClusterProblem, match=r"another Elasticsearch uses the folder \[.*data\]: stop it, or"):
            start_node(SETTINGS.cluster, data_dir=data_dir, report=print)
        assert processes_of(data_dir)
    assert processes_of(data_dir) == []
    assert "closed" in node.folders.output.read_text().splitlines()[-1]

    starter = subprocess.Popen([sys.executable, "-c", STARTER, data_dir], stdout=subprocess.PIPE, text=True)
    with starter:
        url = starter.stdout.readline().strip()
        assert HttpClient(url).get("/kept/_doc/1").json()["_source"] == {"day": "2013-02-08"}
        os.kill(starter.pid, signal.SIGKILL)
    wait_until_ended(data_dir)


def test_a_temporary_folder_goes_with_its_node():
    temporary = prepare_folders(None, None)
    assert temporary.lock.name.startswith(str(temporary.root))
    temporary.release()
    assert not temporary.root.exists()


def test_what_a_killed_start_left_behind_is_removed_and_what_others_use_is_not():
    used, abandoned, young = (prepare_folders(None, None) for _ in range(3))
    for old in (used, abandoned):
        os.utime(old.root / folders.LOCK_NAME, (0, 0))
    abandoned.lock.close()
    young.lock.close()
    prepare_folders(None, None).release()
    assert used.data.is_dir()
    assert young.data.is_dir()
    assert not abandoned.root.exists()
    used.release()
    young.release()


def test_what_elasticsearch_says_at_its_early_end_is_passed_on(folder):
    home = folder / "es"
    (home / "bin").mkdir(parents=True)
    (home / "config").mkdir()
    (home / "lib").mkdir()
    (home / "lib" / "elasticsearch-8.19.8.jar").touch()
    (home / "bin" / "elasticsearch").write_text("#!/bin/sh\necho 'ERROR: no more electricity'\nexit 3\n")
    (home / "bin" / "elasticsearch").chmod(0o755)
    config = load_config(environ={}, overrides={"cluster": {"es_home": str(home)}}).cluster
    with pytest.raises(ClusterProblem, match="Elasticsearch ended while starting: ERROR: no more electricity"):
        start_node(config, report=print)


def test_a_used_port_is_told_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ClusterProblem, match=rf"port {port} for Elasticsearch cannot be used \(Address already"):
            start_node(SETTINGS.cluster, port=port, report=print)


def test_too_little_disk_is_told(folder, monkeypatch):
    monkeypatch.setattr(folders, "FREE_BYTES_TO_RUN", 1 << 60)
    with pytest.raises(ClusterProblem, match=r"only .* are free in \[.*\] and Elasticsearch needs 1024pb: make room"):
        prepare_folders(folder, None)


def test_a_folder_that_cannot_be_made_is_told(folder):
    (folder / "file").touch()
    with pytest.raises(ClusterProblem, match=r"cannot write in \[.*file/below\] \(Not a directory\): choose another"):
        prepare_folders(folder / "file" / "below", None)
