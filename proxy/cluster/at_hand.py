"""The cluster that a command works on: the one it was given, else a local node for as long as it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from proxy.cluster.build import Report
from proxy.cluster.node import Node, start_node
from proxy.config import Config


@dataclass(frozen=True, slots=True)
class ClusterAtHand:
    """`config` names the cluster's hosts; `node` is the local one, or None where the cluster is somebody's own."""

    config: Config
    node: Node | None


@contextmanager
def cluster_at_hand(
    config: Config, *, data_dir: Path | None = None, port: int = 0, report: Report
) -> Iterator[ClusterAtHand]:
    """A cluster while the block runs; raises ClusterProblem where there is none to be had."""
    if "elasticsearch.hosts" in config.given:
        yield ClusterAtHand(config, None)
        return
    with start_node(config.cluster, data_dir=data_dir, port=port, report=report) as node:
        elasticsearch = replace(config.elasticsearch, hosts=(node.url,))
        yield ClusterAtHand(replace(config, elasticsearch=elasticsearch), node)
