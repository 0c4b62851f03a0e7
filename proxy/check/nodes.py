"""The cluster and its nodes: whether they can be reached and used, their clocks, memory and disks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.check.finding import Finding, error, ok, warning
from proxy.config import Config
from proxy.errors import MlError
from proxy.store import ClusterClient
from proxy.units import format_bytes

_VERSIONS = (8, 9)
# Real-time datafeeds look for data as late as `query_delay`, a minute at least, says; less than that is only untidy.
_CLOCK_UNTIDY_S, _CLOCK_WRONG_S = 2.0, 60.0
# Elasticsearch's own watermarks: from the first on it takes no new shards, from the last on no writes.
_DISK_LOW, _DISK_FLOOD = 0.15, 0.05
_HEAP_FULL_PERCENT = 90
_START = "start the cluster, or correct [elasticsearch.hosts]"


async def check_hosts(config: Config) -> list[Finding]:
    """Each host asked alone, since a dead one among several is not noticed in use."""
    return [await _host(config, host) for host in config.elasticsearch.hosts]


async def _host(config: Config, host: str) -> Finding:
    client = ClusterClient(replace(config.elasticsearch, hosts=(host,), max_retries=0))
    try:
        # Without our identity, so that a cluster that refuses it is told from one that is not there.
        status, _, _ = await client.ask_as_caller("GET", "/_nodes/_local/_none", None, {})
        if status in (401, 403) and not await _knows_us(client):
            return ok("reach", f"[{host}] answers, but not to our identity")
        facts = await client.facts()
    except MlError as problem:
        return error("reach", f"[{host}]: {problem.reason}", _START)
    finally:
        await client.close()
    if facts.major not in _VERSIONS:
        return error("version", f"[{host}] runs Elasticsearch [{facts.version}]", "use a cluster of version 8 or 9")
    return ok("reach", f"[{host}] is Elasticsearch [{facts.version}], cluster [{facts.cluster_name}]")


async def _knows_us(client: ClusterClient) -> bool:
    """Whether we may ask a node what it is; why not is told with our rights."""
    try:
        await client.answers()
    except MlError:
        return False
    return True


async def check_licence(client: ClusterClient, config: Config) -> Finding:
    try:
        answer = await client.request("GET", "/_xpack", params={"categories": "features"}, retry=True)
    except MlError as refused:
        # Builds without licensed features have no such answer, and some fail at it.
        if refused.status in (400, 404, 405, 500):
            answer = {}
        else:
            raise
    return licence_finding(answer, config.indices.results_prefix)


def licence_finding(answer: Mapping[str, Any], results_prefix: str) -> Finding:
    """Whether the cluster's own machine learning could write where we write."""
    ml = answer.get("features", {}).get("ml", {})
    if not (ml.get("available") and ml.get("enabled")):
        return ok("licence", "the cluster's own machine learning is not in use")
    text = "the cluster's own machine learning is licensed and enabled"
    if results_prefix != ".ml-anomalies-":
        return ok("licence", f"{text}, and [indices.results_prefix] keeps our results apart")
    advice = "set [xpack.ml.enabled: false] in the cluster, or another [indices.results_prefix] here"
    return error("licence", f"{text}: both would write to [.ml-anomalies-shared]", advice)


async def check_nodes(client: ClusterClient) -> list[Finding]:
    asked_at = time.time()
    answer = await client.request("GET", "/_nodes/stats/os,jvm,fs", retry=True)
    now = (asked_at + time.time()) / 2
    return [finding for node in answer["nodes"].values() for finding in node_findings(node, now)]


def node_findings(node: Mapping[str, Any], now: float) -> list[Finding]:
    """
    node: a node of the nodes stats API
    now: our time when it was asked, in seconds since the epoch
    """
    return [_clock(node, now), _heap(node), _disk(node)]


def _clock(node: Mapping[str, Any], now: float) -> Finding:
    ahead = node["timestamp"] / 1000 - now
    text = f"the clock of node [{node['name']}] is [{abs(ahead):.1f}s] {'ahead of' if ahead > 0 else 'behind'} ours"
    if abs(ahead) <= _CLOCK_UNTIDY_S:
        return ok("clock", f"node [{node['name']}] and this machine agree")
    finding = error if abs(ahead) > _CLOCK_WRONG_S else warning
    return finding("clock", text, "let both machines keep their time by NTP: real-time datafeeds search by ours")


def _heap(node: Mapping[str, Any]) -> Finding:
    percent = node["jvm"]["mem"]["heap_used_percent"]
    text = f"node [{node['name']}] uses [{percent}%] of its heap"
    if percent >= _HEAP_FULL_PERCENT:
        return warning("memory", text, "give the cluster more memory, or it will refuse results and saved models")
    return ok("memory", text)


def _disk(node: Mapping[str, Any]) -> Finding:
    total = node.get("fs", {}).get("total", {})
    if not total.get("total_in_bytes"):
        return ok("disk", f"node [{node['name']}] keeps no data")
    share = total["available_in_bytes"] / total["total_in_bytes"]
    text = f"node [{node['name']}] has [{format_bytes(total['available_in_bytes'])}] of its disk free, [{share:.0%}]"
    if share > _DISK_LOW:
        return ok("disk", text)
    return (error if share <= _DISK_FLOOD else warning)(
        "disk", text, "make room: a full cluster takes no results, and opened jobs wait for it"
    )
