"""Each scenario starts without jobs; indices stay, because making them anew costs more than all its steps."""

from collections.abc import Callable

import pytest

from tests.http_client import HttpClient


@pytest.fixture(scope="session")
def forget_jobs(client: HttpClient) -> Callable[[], None]:
    def forget() -> None:
        off = client.post("/_ml/set_upgrade_mode", query={"enabled": "false"})
        assert off.status == 200, off.text
        for job in client.get("/_ml/anomaly_detectors").json()["jobs"]:
            deleted = client.delete(f"/_ml/anomaly_detectors/{job['job_id']}", query={"force": "true"})
            assert deleted.status == 200, deleted.text

    return forget
