"""A proxy in front of the cluster with security, for whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.config import Config
from proxy.config_loading import load_config
from tests.conftest import PASSWORD, BackgroundProxy
from tests.http_client import HttpClient


@pytest.fixture(scope="session")
def secured_config(secured_cluster_url: str) -> Config:
    identity = {"hosts": [secured_cluster_url], "username": "proxy", "password": PASSWORD}
    return load_config(
        environ={}, overrides={"elasticsearch": identity, "server": {"port": 0, "shutdown_timeout": "1s"}}
    )


@pytest.fixture(scope="session")
def secured(secured_config: Config) -> Iterator[HttpClient]:
    """The proxy in front of the secured cluster."""
    proxy = BackgroundProxy(secured_config)
    yield HttpClient(proxy.start())
    proxy.stop()
