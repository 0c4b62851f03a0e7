"""Whether Lanewatch's own identity may do what it needs. What callers may do is ``api.access``'s matter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from proxy.check.finding import Finding, error, ok, warning
from proxy.config import Config, IndicesConfig
from proxy.errors import MlError
from proxy.store import ClusterClient
from proxy.store.fence import lease_alias, lease_index
from proxy.store.names import Names

_PRIVILEGES_PATH = "/_security/user/_has_privileges"
_NEEDED = ("monitor", "manage_ml")
# To make and to end the keys that datafeeds search with, for callers who authenticate with a password or a token.
_USEFUL = "manage_api_key"
_ROLE = "give its user the role that the README shows"
_ASK_AGAIN_S = 5.0

_log = logging.getLogger(__name__)


async def check_rights(client: ClusterClient, config: Config) -> list[Finding]:
    """
    Raises:
        MlError: the cluster does not answer, or does not know who we are.
    """
    told = await _privileges(client, config)
    if told is None:
        return _without_security(config)
    findings = [_of_callers(config)] if config.security.mode == "off" else []
    if missing := missing_rights(told):
        return [*findings, error("privileges", f"[{told['username']}] lacks {missing}", _ROLE)]
    if not told["cluster"][_USEFUL]:
        text = f"[{told['username']}] lacks the cluster privilege [{_USEFUL}]"
        limit = "only callers who bring an API key of their own can make datafeeds"
        return [*findings, warning("privileges", f"{text}, so {limit}", _ROLE)]
    return [*findings, ok("privileges", f"[{told['username']}] may do all that is needed")]


def missing_rights(told: Mapping[str, Any]) -> str:
    """The needed rights that an answer of the cluster denies, in words; an empty text where there are none."""
    cluster = [name for name in _NEEDED if not told["cluster"][name]]
    indices = sorted(name for name, rights in told["index"].items() if not rights["all"])
    parts = []
    if cluster:
        parts.append(f"the cluster privileges [{', '.join(cluster)}]")
    if indices:
        parts.append(f"the index privilege [all] on [{', '.join(indices)}]")
    return " and ".join(parts)


async def tell_missing_rights(config: Config) -> None:
    """Logs one error that lists all rights that are missing, as soon as the cluster can be asked."""
    client = ClusterClient(config.elasticsearch)
    try:
        while True:
            try:
                told = await _privileges(client, config)
                break
            except MlError:  # a refused identity is logged by the client, and an absent cluster by whoever needs it
                await asyncio.sleep(_ASK_AGAIN_S)
        if told is not None and (missing := missing_rights(told)):
            _log.error("Lanewatch's own user [%s] lacks %s: %s", told["username"], missing, _ROLE)
    finally:
        await client.close()


async def _privileges(client: ClusterClient, config: Config) -> Mapping[str, Any] | None:
    """What the cluster says of our rights; None where its security is off."""
    asked = {
        "cluster": [*_NEEDED, _USEFUL],
        "index": [{"names": _index_names(config.indices), "privileges": ["all"]}],
    }
    try:
        answer: Mapping[str, Any] = await client.request("POST", _PRIVILEGES_PATH, body=asked, retry=True)
    except MlError as refused:
        if refused.status == 400 and "no handler found" in refused.reason:
            return None
        raise
    return answer


def _index_names(indices: IndicesConfig) -> list[str]:
    own = Names(indices).own()
    led_by = [lease_index(indices.config), lease_alias(indices.config), f"{indices.config}-epoch-*"]
    standing = [alias for _, aliases in own.values() for alias in aliases]
    return [*own, *standing, *led_by, f"{indices.results_prefix}*"]


def _without_security(config: Config) -> list[Finding]:
    if config.security.mode == "on":
        text = "[security.mode] is [on], but the cluster's security is off: all callers are refused"
        return [error("security", text, "turn the cluster's security on, or set [security.mode] to [auto]")]
    if config.server.host not in ("127.0.0.1", "::1", "localhost"):
        text = f"the cluster's security is off and [{config.server.host}] may be reached by others: all are let in"
        return [warning("security", text, "turn the cluster's security on, or listen on [127.0.0.1] only")]
    return [ok("security", "the cluster's security is off, and only this machine is served")]


def _of_callers(config: Config) -> Finding:
    text = "[security.mode] is [off] before a cluster with security: callers need no rights for machine learning"
    return error("security", text, "set [security.mode] to [auto]")
