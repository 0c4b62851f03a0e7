"""The places that the settings ask for. Ray is loaded only where it is one of them."""

from __future__ import annotations

from importlib.util import find_spec

from proxy.config import Config, ConfigError
from proxy.runtime.place.contract import Place
from proxy.runtime.place.places import Places
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.wire import Start, Traffic
from proxy.store.calls import OnCall


def make_places(config: Config, on_call: OnCall, traffic: Traffic, term: str | None) -> Places:
    """One place for each of ``runtime.workers``, which write in the leader's ``term``.

    Raises:
        ConfigError: they are to be on Ray, which is not installed.
    """
    start, numbers = Start(config, term), range(config.runtime.workers)
    if config.runtime.places == "ray":
        return Places({f"ray-{number}": place for number, place in enumerate(_on_ray(start, on_call, traffic))})
    return Places({f"process-{number}": ProcessPlace(config, on_call, traffic, term) for number in numbers})


def _on_ray(start: Start, on_call: OnCall, traffic: Traffic) -> list[Place]:
    if find_spec("ray") is None:
        raise ConfigError("[runtime.places] is [ray], which is not installed: pip install lanewatch[ray]")
    from proxy.runtime.place.on_ray.cluster import RayCluster
    from proxy.runtime.place.on_ray.place import RayPlace
    from proxy.runtime.place.on_ray.talk import Listeners

    count = start.config.runtime.workers
    cluster = RayCluster(start.config.runtime.ray_address, count)
    return [RayPlace(start, cluster, Listeners(on_call, traffic)) for _ in range(count)]
