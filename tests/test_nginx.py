"""The generated nginx configuration: what it decides, and that nginx takes it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import uvloop

from proxy import nginx_process
from proxy.cli import main
from proxy.config_loading import load_config
from proxy.nginx import nginx_config
from proxy.nginx_process import NginxProblem, NginxProcess
from tests.api.passing.wire import free_port
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.test_cli import RunningCommand

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
LIMITS = load_config(environ={}).server
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

OURS = [
    "/_ml",
    "/_ml?pretty",
    "/_ml/info",
    "/_ml/anomaly_detectors/a%2Fb",
    "/_xpack/ml/info",
    "/_cat/ml/datafeeds",
    "/_ml/trained_models_of_mine",
    "/_ml_ui",
    "/_ml_ui/explorer?job=a",
    "/",
    "/?q",
]
THE_CLUSTERS = [
    "/_mlx",
    "/_ml_uix",
    "/%5fml/info",
    "//_ml/info",
    "/_cat/indices",
    "/_xpack",
    "/idx/_ml/info",
    "/_search?q=/_ml/",
    "/_ml/trained_models",
    "/_cat/ml/data_frame/analytics",
]


def test_every_node_is_served():
    text = nginx_config(
        listen="9280", proxy="http://127.0.0.1:9281", limits=LIMITS, nodes=["http://a:9200", "http://[::1]:9201"]
    )
    assert re.findall(r"server (\S+) max_fails", text) == ["a:9200", "[::1]:9201"]
    assert "default http://lanewatch_cluster;" in text


@pytest.mark.parametrize("nodes", [["http://a:9200", "https://b:9200"], ["http://a:9200/prefix"]])
def test_nodes_that_nginx_could_not_serve_are_refused(nodes):
    with pytest.raises(ValueError, match=re.escape(", ".join(nodes))):
        nginx_config(limits=LIMITS, listen="9280", proxy="http://127.0.0.1:9281", nodes=nodes)


def test_the_command_prints_it(capsys):
    assert main(["nginx-config", "--listen", "9200", "--port", "9281", "--elasticsearch", "http://a:9201"]) == 0
    printed = capsys.readouterr().out
    assert (
        printed.strip()
        == nginx_config(
            listen="9200",
            proxy="http://127.0.0.1:9281",
            nodes=["http://a:9201"],
            limits=LIMITS,
            page_path="/_ml_ui",
        ).strip()
    )


@needs_nginx
def test_nginx_sends_ours_to_the_proxy_and_the_rest_to_the_cluster(tmp_path):
    with named_server("proxy") as proxy, named_server("cluster") as cluster:
        port = free_port()
        text = nginx_config(
            listen=f"127.0.0.1:{port}", proxy=proxy, limits=LIMITS, nodes=[cluster], page_path="/_ml_ui"
        )
        with running_nginx(tmp_path, text, port):
            for target, name in [(t, "proxy") for t in OURS] + [(t, "cluster") for t in THE_CLUSTERS]:
                assert fetch(port, target) == f"{name} {target}"


@needs_nginx
def test_serve_runs_an_nginx_before_itself_and_starts_it_again(cluster_url: str) -> None:
    with RunningCommand("serve", "--nginx", "--port", "0", "--elasticsearch", cluster_url) as command:
        client = HttpClient(command.url)
        assert client.get("/_ml/anomaly_detectors").json()["count"] >= 0
        assert client.get("/_cluster/health").headers["X-elastic-product"] == "Elasticsearch"
        ask_over_one_connection(command.url, 1100)
        (nginx,) = nginx_of(command.process.pid)
        os.kill(nginx, signal.SIGKILL)
        for _ in range(200):
            if nginx_of(command.process.pid) not in ([], [nginx]):
                break
            time.sleep(0.05)
        wait_until_open(int(command.url.rpartition(":")[2]))
        assert client.get("/_ml/anomaly_detectors").status == 200
        (again,) = nginx_of(command.process.pid)
        assert again != nginx
        assert command.stop(signal.SIGTERM) == 0
    assert not Path(f"/proc/{again}").exists()


def ask_over_one_connection(url: str, times: int) -> None:
    """As clients do that keep theirs; nginx would close it after a thousand requests unless told otherwise."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.auto_open = False
    connection.connect()
    for _ in range(times):
        connection.request("GET", "/_cluster/health")
        assert connection.getresponse().read()
    connection.close()


@needs_nginx
def test_an_nginx_that_cannot_be_started_again_is_tried_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx_process, "_RESTART_S", 0.01)
    monkeypatch.setattr(nginx_process, "_MAX_RESTART_S", 0.05)
    port, found, refusals = free_port(), nginx_process.find_nginx, []

    def absent() -> str:
        refusals.append("absent")
        raise NginxProblem("nginx is not installed")

    async def run() -> None:
        nginx = NginxProcess(f"server {{ listen 127.0.0.1:{port}; }}", "127.0.0.1", port)
        await nginx.start()
        try:
            monkeypatch.setattr(nginx_process, "find_nginx", absent)
            (master,) = nginx_of(os.getpid())
            os.kill(master, signal.SIGKILL)
            await asyncio.to_thread(wait_until, lambda: len(refusals) >= 3, 10)
            monkeypatch.setattr(nginx_process, "find_nginx", found)
            await asyncio.to_thread(wait_until, lambda: nginx_of(os.getpid()) not in ([], [master]), 10)
            await asyncio.to_thread(wait_until_open, port)
        finally:
            await nginx.close(5)

    uvloop.run(run())


@needs_nginx
def test_a_killed_proxy_leaves_no_nginx_behind(cluster_url: str) -> None:
    with RunningCommand("serve", "--nginx", "--port", "0", "--elasticsearch", cluster_url) as command:
        (nginx,) = nginx_of(command.process.pid)
        command.process.kill()
        command.process.wait()
        for _ in range(100):
            if not Path(f"/proc/{nginx}").exists():
                return
            time.sleep(0.05)
    raise AssertionError("nginx outlives the proxy that started it")


def nginx_of(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(pid) for pid, name in map(str.split, listed.stdout.splitlines()) if name == "nginx"]


def test_certificates_of_nodes_are_checked_by_their_name() -> None:
    common = {"listen": "9280", "proxy": "http://127.0.0.1:9281", "limits": LIMITS}
    text = nginx_config(**common, nodes=["https://es.local:9200", "https://es.local:9201"], verify="/ca.pem")
    assert "proxy_ssl_name es.local;" in text and 'proxy_ssl_trusted_certificate "/ca.pem";' in text
    with pytest.raises(ValueError, match="have several"):
        nginx_config(**common, nodes=["https://a:9200", "https://b:9200"], verify="/ca.pem")


@contextmanager
def named_server(name: str) -> Iterator[str]:
    """A server that answers with its name and the target as it arrived."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{name} {self.requestline.split()[1]}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running_nginx(folder: Path, server_text: str, port: int) -> Iterator[None]:
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off; pid {folder}/pid; error_log {folder}/log; events {{}} http {{ access_log off; {places}\n"
    (folder / "nginx.conf").write_text(main + server_text + "}\n")
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until_open(port)
        yield
    finally:
        process.terminate()
        process.wait()


def wait_until_open(port: int) -> None:
    for _ in range(100):
        try:
            fetch(port, "/")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on {port}")


def fetch(port: int, target: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
