"""A Ray of one machine for all tests that need one, started by the first of them and ended with the session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.config import Config
from proxy.runtime.place.wire import Start, Traffic
from proxy.store.calls import OnCall, tell_nobody

if TYPE_CHECKING:
    from proxy.runtime.place.on_ray.place import RayPlace

TOP = Path(__file__).parents[3]
CORES = 4


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """This process is connected to it; each actor has its own process, whatever the cores of the machine."""
    patch = pytest.MonkeyPatch()
    # Else Ray makes a token in the home of whoever runs the tests, and tells its makers of each start.
    patch.setenv("RAY_AUTH_MODE", "disabled")
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Else its actors get what everything else on the machine leaves.
    patch.setenv("RAY_worker_niceness", "0")
    # Commands of tests are performed there.
    patch.setenv("PYTHONPATH", os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    import ray

    ray.init(
        "local",
        num_cpus=CORES,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        configure_logging=False,
    )
    yield
    ray.shutdown()
    patch.undo()


def on_ray(config: Config, on_call: OnCall = tell_nobody, traffic: Traffic | None = None) -> RayPlace:
    """A place with an actor of its own; Ray is loaded by those who ask for it."""
    from proxy.runtime.place.on_ray.cluster import RayCluster
    from proxy.runtime.place.on_ray.place import RayPlace
    from proxy.runtime.place.on_ray.talk import Listeners

    return RayPlace(Start(config), RayCluster(None, 1), Listeners(on_call, traffic or Traffic()))


def actors() -> list[int]:
    """The processes below this one that are actors of ours."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and told(folder, "cmdline").startswith("ray::PlaceActor") and is_below(folder)
    ]


def is_below(folder: Path) -> bool:
    """Whether a process was started by this one, or by one that was."""
    while (parent := told(folder, "stat").rpartition(")")[2].split()[1:2]) and parent != ["0"]:
        if parent == [str(os.getpid())]:
            return True
        folder = folder.parent / parent[0]
    return False


def told(folder: Path, name: str) -> str:
    """What the system tells of a process; nothing where it is gone."""
    try:
        return (folder / name).read_text()
    except OSError:
        return ""
