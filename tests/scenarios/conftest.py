"""Each scenario starts without jobs, calendars and filters; indices stay, because making them anew costs most."""

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
        for kind, name in (("calendars", "calendar_id"), ("filters", "filter_id")):
            for each in client.get(f"/_ml/{kind}", query={"size": "1000"}).json()[kind]:
                gone = client.delete(f"/_ml/{kind}/{each[name]}")
                assert gone.status == 200, gone.text

    return forget
