"""`lanewatch import` and `export` with the rights of a user, where the cluster's security is on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from proxy.cli import main
from proxy.config_loading import load_config
from tests.conftest import PASSWORD, BackgroundProxy

FILE = Path(__file__).parent / "files" / "api-answer.json"


@pytest.fixture(autouse=True)
def the_handler_of_sigterm_survives():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def secured(secured_cluster_url):
    elasticsearch = {"hosts": [secured_cluster_url], "username": "proxy", "password": PASSWORD}
    overrides = {"elasticsearch": elasticsearch, "server": {"port": 0, "shutdown_timeout": "1s"}}
    proxy = BackgroundProxy(load_config(environ={}, overrides=overrides))
    yield proxy.start()
    proxy.stop()


def test_what_a_user_may_not_do_is_told_and_whoever_may_does_it(secured, capsys, monkeypatch):
    assert main(["import", "--url", secured, str(FILE), "--yes"]) == 1
    assert "missing authentication credentials" in capsys.readouterr().err
    assert main(["import", "--url", secured, str(FILE), "--yes", "--user", f"nobody:{PASSWORD}"]) == 1
    assert "is unauthorized for user [nobody]" in capsys.readouterr().err
    monkeypatch.setattr("getpass.getpass", lambda asked: {"Password of admin: ": PASSWORD}[asked])
    assert main(["import", "--url", secured, str(FILE), "--yes", "--user", "admin"]) == 0
    capsys.readouterr()
    assert main(["export", "--url", secured, "listed", "--user", f"ml_user:{PASSWORD}"]) == 0
    assert '"job_id": "listed"' in capsys.readouterr().out
