"""The shipped scenarios, run against the proxy by the runner that `lanewatch contract` uses."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.contract_kit.cleaning import sweep
from proxy.contract_kit.endpoint import Endpoint
from proxy.contract_kit.runner import LANEWATCH, Runner
from proxy.contract_kit.scenario import all_names, scenario

PREFIX = f"lw{secrets.token_hex(3)}-"


@pytest.fixture(scope="module")
def runner(lanewatch: str, cluster_url: str, forget_jobs: Callable[[], None]) -> Iterator[Runner]:
    forget_jobs()
    endpoint = Endpoint(lanewatch)
    yield Runner(endpoint, Endpoint(cluster_url), PREFIX, alone=True, product=LANEWATCH)
    assert sweep(endpoint, PREFIX) == []


@pytest.mark.parametrize("name", all_names())
def test_scenario(name: str, runner: Runner) -> None:
    outcome = runner.run(scenario(name, PREFIX))
    assert outcome.verdict == "holds", "\n".join(
        f"step {deviation.step} ({deviation.note}) {deviation.request}: {fault}"
        for deviation in outcome.deviations
        for fault in deviation.faults
    )


def test_every_scenario_names_its_operations() -> None:
    schemas = {path.stem for path in (Path(__file__).parents[2] / "schemas").glob("*.json")}
    for name in all_names():
        assert set(scenario(name, PREFIX).operations) <= schemas, name
