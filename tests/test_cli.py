import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from elasticsearch import Elasticsearch

from proxy import __version__
from proxy.cli import main
from proxy.commands import COMMANDS
from tests.http_client import HttpClient

LANEWATCH = [sys.executable, "-m", "proxy"]
TOP = Path(__file__).parent.parent
START_TIMEOUT_S = 120


@pytest.fixture(autouse=True)
def the_handler_of_sigterm_survives():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def refusal(capsys, *arguments: str) -> str:
    """The one line that a user reads when a command cannot be carried out."""
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def used_port() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


class RunningCommand:
    """A `lanewatch` that has said where it serves."""

    def __init__(self, *arguments: str, log: IO[str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*LANEWATCH, *arguments], cwd=TOP, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.said: list[str] = []
        try:
            self.url = self.wait_for_address()
        except BaseException:
            self.end()
            raise

    def wait_for_address(self) -> str:
        while True:
            ready, _, _ = select.select([self.process.stdout], [], [], START_TIMEOUT_S)
            line = self.process.stdout.readline() if ready else ""
            assert line, f"no address: {self.said}"
            self.said.append(line.rstrip())
            if line.startswith("lanewatch serves "):
                return line.split()[2]

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.said += [line.rstrip() for line in self.process.stdout]
        return self.process.wait(START_TIMEOUT_S)

    def __enter__(self) -> "RunningCommand":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_stands_before_a_cluster_until_it_is_told_to_stop(cluster_url, number):
    with RunningCommand("serve", "--port", "0", "--elasticsearch", cluster_url) as command:
        assert command.said == [f"lanewatch serves {command.url} in front of {cluster_url} (Ctrl-C stops it)"]
        assert HttpClient(command.url).get("/_cluster/health").json()["cluster_name"]
        assert command.stop(number) == 0


def test_serve_starts_before_its_cluster_and_says_503_meanwhile():
    with used_port() as taken:
        cluster_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with RunningCommand("serve", "--port", "0", "--elasticsearch", cluster_url) as command:
        for path in ("/_cluster/health", "/_ml/anomaly_detectors"):
            refused = HttpClient(command.url).get(path)
            assert refused.status == 503
            assert refused.json()["error"]["type"]
        assert command.stop(signal.SIGTERM) == 0


@pytest.mark.cluster
def test_up_brings_a_cluster_that_the_official_client_can_use_and_takes_it_away(tmp_path):
    with RunningCommand("up", "--port", "0") as command:
        cluster_url = command.said[-1].split(" in front of ")[1].split()[0]
        with Elasticsearch(command.url) as client:
            assert client.info()["version"]["number"].startswith("8.")
            assert client.ml.get_jobs()["count"] == 0
        assert command.stop(signal.SIGTERM) == 0
    with pytest.raises(ConnectionRefusedError):
        HttpClient(cluster_url).get("/")


def test_up_uses_a_cluster_that_it_is_given(cluster_url):
    with RunningCommand("up", "--port", "0", "--elasticsearch", cluster_url) as command:
        assert len(command.said) == 1
        assert f"in front of {cluster_url} " in command.said[0]


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)])
def test_every_command_explains_itself(capsys, arguments):
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--help"])
    assert left.value.code == 0
    assert "usage: lanewatch" in capsys.readouterr().out


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"lanewatch {__version__}\n"


WHAT_IS_LOADED = """
import sys
from proxy.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    heavy = {"aiohttp", "elasticsearch", "jsonschema", "numpy", "rich", "yaml"}
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_neither_engine_nor_clients_are_loaded_only_to_say_so(argument):
    told = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED, argument], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert told.stderr == "[]\n"


def test_a_reader_who_has_seen_enough_is_no_fault():
    command = f"{sys.executable} -m proxy openapi | head -c 1"
    told = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == ("{", "")


def test_routes_lists_operations_with_their_paths(capsys):
    assert main(["routes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "ml.get_overall_buckets (monitor_ml)" in lines
    assert "  GET /_ml/anomaly_detectors/{job_id}/results/overall_buckets" in lines


def test_check_config_shows_what_is_in_force_and_no_secret(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LANEWATCH_ELASTICSEARCH_PASSWORD", "s3cret")
    file = tmp_path / "mine.yaml"
    file.write_text("server: {port: 1234}")
    assert main(["check-config", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "  port: 1234  # yours\n" in shown
    assert "  host: 127.0.0.1\n" in shown
    assert "s3cret" not in shown


def test_check_config_shows_no_credentials_of_hosts(capsys, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("elasticsearch: {hosts: ['http://me:s3cret@a:9200']}")
    assert main(["check-config", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "  hosts: [" in shown
    assert "http://a:9200" in shown
    assert "  username: me\n" in shown
    assert "  password: '********'\n" in shown
    assert "s3cret" not in shown


def test_a_typo_in_the_settings_is_one_sentence(capsys, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("server: {prot: 1234}")
    told = refusal(capsys, "check-config", "--config", str(file))
    assert told == f"lanewatch: unknown setting [server.prot] in [{file}], did you mean [server.port]?"


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_used_port_is_one_sentence(capsys, command):
    with used_port() as taken:
        port = str(taken.getsockname()[1])
        told = refusal(capsys, command, "--port", port)
    assert told == (
        f"lanewatch: cannot listen on 127.0.0.1 port {port} (Address already in use): "
        "choose another with --host and --port"
    )


def test_a_used_port_of_the_cluster_is_one_sentence(capsys):
    with used_port() as taken:
        port = str(taken.getsockname()[1])
        told = refusal(capsys, "up", "--port", "0", "--es-port", port)
    assert told.startswith(f"lanewatch: port {port} for Elasticsearch cannot be used (Address already in use): ")


def test_missing_certificates_are_one_sentence(capsys, monkeypatch):
    monkeypatch.setenv("LANEWATCH_ELASTICSEARCH_CA_CERTS", "/nowhere.pem")
    monkeypatch.setenv("LANEWATCH_ELASTICSEARCH_HOSTS", "[https://127.0.0.1:1]")
    told = refusal(capsys, "serve", "--port", "0")
    assert told == "lanewatch: cannot read [elasticsearch.ca_certs] [/nowhere.pem]: No such file or directory"


def test_a_missing_java_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setenv("ES_JAVA_HOME", "/nowhere")
    told = refusal(capsys, "up", "--port", "0")
    assert told.endswith("needs Java 17 or later but ES_JAVA_HOME [/nowhere] holds none: unset it or name another")


def test_a_missing_maven_is_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LANEWATCH_CLUSTER_CACHE_DIR", str(tmp_path))
    told = refusal(capsys, "up", "--port", "0")
    assert told.startswith("lanewatch: Maven is needed to fetch Elasticsearch 8.19.8 once and mvn is not on the PATH: ")


def test_python_m_proxy_is_the_same_command():
    asked = subprocess.run([*LANEWATCH, "--version"], cwd=TOP, capture_output=True, text=True, check=True)
    assert asked.stdout == f"lanewatch {__version__}\n"
    assert os.access(Path(sys.executable).parent / "lanewatch", os.X_OK)
