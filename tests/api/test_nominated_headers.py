"""A caller whose ``Connection`` header nominates its own credentials is still that caller, to a real cluster."""

from __future__ import annotations

import json
import socket

import pytest

from tests.api.test_access import basic
from tests.http_client import HttpClient


@pytest.mark.scenario(19)
@pytest.mark.parametrize("path", ["/_security/_authenticate", "/_ml/anomaly_detectors"])
def test_nominating_the_credentials_makes_nobody_anonymous(secured: HttpClient, path: str) -> None:
    host, _, port = secured.address.partition(":")
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close, Authorization\r\n"
        f"Authorization: {basic('ml_user')['authorization']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    if path.startswith("/_security"):
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["username"] == "ml_user"
