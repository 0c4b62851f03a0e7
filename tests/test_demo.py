"""The demo as a newcomer runs it, on the session's cluster."""

from __future__ import annotations

import socket
import subprocess
import sys


def test_the_blizzard_is_among_the_worst_days(cluster_url: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "proxy", "demo", "--exit", "--elasticsearch", cluster_url, "--port", str(port)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "08 Feb" in told.stdout or "09 Feb" in told.stdout, told.stdout
    assert "overall_buckets?top_n=2" in told.stdout
