"""The node that jobs and datafeeds are said to run on: the proxy that leads, whichever node of the cluster it asks.

With Elasticsearch it is where one looks for the load of a job, and who is named in its notifications. Where models are
in other places, the attributes of a job's node name that place and its machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.api.services import Services
from proxy.job_config.wildcards import Wildcard
from proxy.runtime.machine_memory import machine_bytes
from proxy.store import Peer, machine_name

Document = dict[str, Any]
_EVERYONE = ("_all", "_local", "ml:true")


@dataclass(frozen=True, slots=True)
class Responsible:
    """The node as statistics show it, and where the models of its jobs are: the machines of places by their names."""

    node: Document
    hosts: Mapping[str, str]
    place_of: Callable[[str], str | None]

    def for_job(self, job_id: str) -> Document:
        """The node of a job, with the place that holds its model."""
        place = self.place_of(job_id)
        if place is None:
            return self.node
        where = {"lanewatch.place": place}
        if host := self.hosts.get(place):
            where["lanewatch.place_host"] = host
        return {**self.node, "attributes": {**self.node["attributes"], **where}}


def responsible(services: Services) -> Responsible:
    leader, places = _leader(services), services.runtime.places
    node = {
        "id": leader.lasting_id,
        "name": leader.name,
        "ephemeral_id": leader.node_id,
        "transport_address": leader.transport_address,
        "attributes": {
            "ml.machine_memory": str(machine_bytes()),
            "ml.allocated_processors": str(os.cpu_count() or 1),
            "lanewatch.address": leader.address,
        },
    }
    return Responsible(node, {report.name: report.vitals.host for report in places.reports()}, places.place_of)


def node_id_of(services: Services) -> str:
    return _leader(services).lasting_id


def is_named(services: Services, expression: str | None) -> bool:
    """Whether an expression that names nodes names this one."""
    leader = _leader(services)
    names = (leader.lasting_id, leader.name, leader.transport_address)
    tokens = [token.strip() for token in (expression or "_all").split(",")]
    return any(token in _EVERYONE or any(map(Wildcard.of(token).matches, names)) for token in tokens)


def _leader(services: Services) -> Peer:
    """This process, in the moment in which it is not known yet that it leads."""
    return services.responsible() or Peer("", machine_name(), "", "")
