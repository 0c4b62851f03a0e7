"""The demo as a newcomer runs it, on the session's cluster."""

from __future__ import annotations

import subprocess
import sys


def test_the_blizzard_is_among_the_worst_days(cluster_url: str) -> None:
    command = [sys.executable, "-m", "proxy", "demo", "--exit", "--elasticsearch", cluster_url, "--port", "0"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "08 Feb" in told.stdout or "09 Feb" in told.stdout, told.stdout
    assert "overall_buckets?top_n=2" in told.stdout
