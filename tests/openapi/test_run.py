"""schemathesis goes over the running product by the document that `lanewatch openapi` prints, with every check on.

`make test` does it with few requests, always the same; `make fuzz` with many, with every value at its bounds, and along
the links. What is excused, and why, stands in schemathesis.toml.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from proxy import openapi
from tests.http_client import HttpClient
from tests.leftovers import remove_all

FOLDER = Path(__file__).parent
TOP = FOLDER.parents[1]
# `make fuzz` tries the many.
IS_SHORT = settings.default.derandomize
# Options of each run, and the hooks that it needs.
SHORT = {
    "all kinds": (("--phases", "examples,fuzzing", "--max-examples", "2", "--generation-deterministic"), "hooks"),
}
LONG = {
    "values at their bounds": (("--phases", "coverage"), "hooks"),
    "many": (("--phases", "examples,fuzzing", "--max-examples", "50"), "hooks"),
    "along the links": (("--phases", "stateful", "--max-examples", "100"), "linked"),
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(json.dumps(openapi.document()))
    return path


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(client: HttpClient) -> Iterator[None]:
    yield
    remove_all(client)


@pytest.mark.parametrize(("options", "hooks"), (SHORT if IS_SHORT else LONG).values(), ids=SHORT if IS_SHORT else LONG)
def test_requests_are_answered_as_the_document_says(
    lanewatch: str, document: Path, request: pytest.FixtureRequest, options: tuple[str, ...], hooks: str
) -> None:
    seed = request.config.getoption("hypothesis_seed")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "run"]
    command += [str(document), "--url", lanewatch, "--continue-on-failure", "--warnings", "off", *options]
    command += [] if seed is None else ["--seed", str(seed)]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": f"tests.openapi.{hooks}", "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, cwd=document.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
