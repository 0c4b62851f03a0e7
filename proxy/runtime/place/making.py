"""The places that the settings ask for. Ray is loaded only where it is one of them."""

from __future__ import annotations

from proxy.config import Config
from proxy.runtime.place.contract import Place
from proxy.runtime.place.places import Places
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.wire import Traffic
from proxy.store.calls import OnCall


def make_places(config: Config, on_call: OnCall, traffic: Traffic) -> Places:
    """One place for each of ``runtime.workers``."""
    places: dict[str, Place] = {
        f"process-{number}": ProcessPlace(config, on_call, traffic) for number in range(config.runtime.workers)
    }
    return Places(places)
