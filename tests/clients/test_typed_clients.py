"""Official clients with strict types read every answer: a required field that lacks or a wrong type is a fault of ours.

They know nothing of us, only the API's specification. Costs seconds once the programs are built.
"""

import re
import subprocess
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from proxy.api.routes import OPERATIONS, PLACES
from tests.clients import judged
from tests.clients.programs import go_program, java_program
from tests.http_client import HttpClient

TIMEOUT_S = 60
# Places are ours alone, so no client asks for them.
READING = {"ml.flush_job", "ml.forecast"} | {
    operation.name
    for operation in OPERATIONS
    if operation not in PLACES
    and operation.name.startswith(("ml.", "cat."))
    and any(route.startswith("GET ") for route in operation.routes)
}
JAVA = ("8.19.0", "9.2.0")
# What clients themselves have wrong: Elasticsearch answers so too, and they cannot read it.
EXCUSED = {
    "java": {
        "ml.get_memory_stats": r"Numeric value \(\d{10,}\) out of range of int"
    },  # of machines with more than 2 GB
    "go": {"ml.get_categories": r"preferred_to_categories"},  # numbers, which it takes for texts
}


@pytest.fixture(scope="module")
def judged_url(client: HttpClient, cluster_client: HttpClient, lanewatch: str) -> Iterator[str]:
    judged.make(client, cluster_client)
    last_s = monotonic() + TIMEOUT_S
    while client.get(f"/_ml/anomaly_detectors/{judged.JOB}/_stats").json()["jobs"][0]["state"] != "closed":
        assert monotonic() < last_s, "the datafeed did not come to its end"
        sleep(0.2)
    yield lanewatch
    judged.remove(client, cluster_client)


def read_by(command: list[str], url: str) -> dict[str, str]:
    """What came of each operation."""
    ran = subprocess.run([*command, url], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    print(ran.stdout)
    return dict(line.split("\t") for line in ran.stdout.splitlines())


def faults(read: dict[str, str], excused: dict[str, str]) -> dict[str, str]:
    return {
        operation: outcome
        for operation, outcome in read.items()
        if (outcome.startswith("refused:") or outcome == "0")
        and not (operation in excused and re.search(excused[operation], outcome))
    }


@pytest.mark.parametrize("version", JAVA)
def test_the_java_client_reads_everything(version: str, judged_url: str) -> None:
    read = read_by(java_program(version), judged_url)
    assert read.keys() == READING
    assert faults(read, EXCUSED["java"]) == {}


def test_the_typed_go_client_reads_everything(judged_url: str) -> None:
    read = read_by(go_program(), judged_url)
    assert read.keys() == READING
    assert faults(read, EXCUSED["go"]) == {}
