"""The service unit and the container's recipe: their own steps and commands, run in a folder instead of a machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
DEPLOY = TOP / "docs" / "deploy"
INSTALLED = "/opt/lanewatch"
START_TIMEOUT_S = 60


def recipe(word: str) -> list[str]:
    """What stands behind a word of the recipe, line by line."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe has been carried out: what it would put below / is below this folder."""
    root = tmp_path_factory.mktemp("machine")
    source = root / "src"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of what a builder would copy")
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file() and not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, source / name)
    assert recipe("COPY")[0] == ". ."
    environ = environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # What we depend on is borrowed from the environment of the tests.
        **{"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_QUIET": "1"},
        "EXTRAS": "",
    }
    makes, installs = recipe("RUN")
    run(at(root, makes), source, environ)
    packages = root / INSTALLED[1:] / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(at(root, installs), source, environ)
    shutil.rmtree(source)
    return root


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LANEWATCH", "PIP"))}


def at(root: Path, text: str) -> str:
    """With what is at a fixed place of a machine in the folder that stands for it."""
    return text.replace(INSTALLED, f"{root}{INSTALLED}").replace("/etc/lanewatch", f"{root}/etc/lanewatch")


def run(command: str, folder: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service(command: list[str], folder: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, cwd=folder, env=environment() | settings) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_healthy(check: list[str], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while subprocess.run(check, env=environment(), capture_output=True, check=False).returncode:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)


def words(text: str) -> list[str]:
    """A command in the form of a JSON list, as recipes have it."""
    return re.findall(r'"([^"]*)"', text)


def test_what_the_recipe_builds_serves_is_healthy_and_stops_when_told(machine: Path) -> None:
    entry, command = words(at(machine, recipe("ENTRYPOINT")[0])), words(recipe("CMD")[0])
    (health,), (exposed,), port = recipe("HEALTHCHECK"), recipe("EXPOSE"), free_port()
    check = [part.replace(f":{exposed}/", f":{port}/") for part in words(at(machine, health))]
    assert str(port) in check[-1]
    with service([*entry, *command], machine, LANEWATCH_SERVER_PORT=str(port)) as process:
        wait_until_healthy(check, process)
        process.send_signal(getattr(signal, recipe("STOPSIGNAL")[0]))
        assert process.wait(30) == 0


@pytest.fixture
def unit(machine: Path) -> ConfigParser:
    parsed = ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(at(machine, (DEPLOY / "lanewatch.service").read_text()))
    return parsed


def test_the_unit_checks_its_configuration_serves_and_stops_when_told(machine: Path, unit: ConfigParser) -> None:
    settings, port = machine / "etc" / "lanewatch" / "config.yaml", free_port()
    settings.parent.mkdir(parents=True)
    before, serve = (shlex.split(unit["Service"][name]) for name in ("ExecStartPre", "ExecStart"))
    settings.write_text("server: {prot: 1}\n")
    refused = subprocess.run(before, env=environment(), capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "did you mean [server.port]?" in refused.stderr
    settings.write_text(f"server: {{port: {port}}}\n")
    assert subprocess.run(before, env=environment(), capture_output=True, check=False).returncode == 0
    check = [
        sys.executable,
        "-c",
        f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/_ml_ui/health/live')",
    ]
    with service(serve, machine) as process:
        wait_until_healthy(check, process)
        process.terminate()
        assert process.wait(30) == 0


def test_systemd_finds_nothing_wrong_with_the_unit(machine: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "lanewatch.service"
    copy.write_text(at(machine, (DEPLOY / "lanewatch.service").read_text()))
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    about_us = [line for line in verified.stderr.splitlines() if "lanewatch" in line]
    assert about_us == []
