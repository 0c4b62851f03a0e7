"""All checks of a deployment, in order: what cannot be reached is not asked further."""

from __future__ import annotations

import os

from proxy.check.finding import Finding, error, ok, warning
from proxy.check.indices import check_indices
from proxy.check.nodes import check_hosts, check_licence, check_nodes
from proxy.check.rights import check_rights
from proxy.config import Config, ConfigError
from proxy.errors import MlError
from proxy.job_config.memory_limit import DEFAULT_LIMIT_MB, MEBIBYTE
from proxy.runtime.machine_memory import machine_bytes
from proxy.store import Store
from proxy.tls import server_context, trust_fingerprint
from proxy.units import format_bytes


async def check(config: Config) -> list[Finding]:
    """Raises nothing of what may be wrong with a deployment: that is what is found."""
    try:
        server_context(config.server)
        await trust_fingerprint(config.elasticsearch)
        findings = await check_hosts(config)
    except ConfigError as problem:
        return [error("certificates", str(problem), "correct the setting"), _memory(config)]
    except OSError as problem:
        return [error("reach", f"no host takes a connection: {problem}", "start the cluster"), _memory(config)]
    if any(finding.level == "ok" for finding in findings):
        findings += await _check_cluster(config)
    return [*findings, _memory(config), _processors(config)]


async def _check_cluster(config: Config) -> list[Finding]:
    store = Store(config)
    try:
        findings = await check_rights(store.client, config)
        if any(finding.check == "privileges" and finding.level == "error" for finding in findings):
            return findings
        findings.append(await check_licence(store.client, config))
        findings += await check_nodes(store.client)
        return findings + await check_indices(store)
    except MlError as problem:
        return [error("cluster", problem.reason, "mend this, then check again: the rest could not be looked at")]
    finally:
        await store.close()


def _memory(config: Config) -> Finding:
    """Of this machine, for the models of open jobs."""
    share = machine_bytes() * config.ml.max_machine_memory_percent // 100
    text = f"models may take [{format_bytes(share)}] of this machine's [{format_bytes(machine_bytes())}]"
    if share < DEFAULT_LIMIT_MB * MEBIBYTE:
        advice = "raise [ml.max_machine_memory_percent], or use a machine with more memory"
        return warning("memory", f"{text}, less than a job's default limit", advice)
    return ok("memory", text)


def _processors(config: Config) -> Finding:
    there = os.cpu_count() or 1
    if config.runtime.workers > there:
        text = f"[runtime.workers] is [{config.runtime.workers}], but this machine has [{there}] processors"
        return warning("processors", text, "lower [runtime.workers]")
    return ok("processors", f"[{config.runtime.workers}] of [{there}] compute models")
