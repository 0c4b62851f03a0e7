"""Who is asking, and may they: the cluster itself is asked about each caller.

Nothing is cached: a revoked credential is refused at its next call.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import MlError, RelayedError, unavailable
from proxy.store.client import ClusterClient

_PRIVILEGES_PATH = "/_security/user/_has_privileges"


class Access:
    """Checks callers where the cluster's security is on.

    ``mode``: ``on`` always asks, ``off`` never, ``auto`` finds out once from the cluster whether security is on.
    """

    def __init__(self, cluster: ClusterClient, mode: str) -> None:
        self._cluster = cluster
        self._is_on = {"on": True, "off": False}.get(mode)

    async def check(self, privilege: str, action: str, identity: Mapping[str, str], uri: str) -> None:
        """Returns when the caller holds ``privilege``.

        Raises:
            MlError: the cluster's own 401, a 403, or 503 where the cluster cannot tell.
        """
        if self._is_on is False:
            return
        status, answer, headers = await self._cluster.ask_as_caller(
            "POST", _PRIVILEGES_PATH, {"cluster": [privilege]}, identity
        )
        if self._is_on is None and status == 400 and "no handler found" in str(answer):
            self._is_on = False
            return
        if status == 401:
            raise _unauthenticated(answer, headers, uri)
        if status != 200:
            raise unavailable(f"the cluster could not tell the privileges of the caller, it answered [{status}]")
        self._is_on = True
        if not answer["has_all_requested"]:
            raise _unauthorized(str(answer["username"]), privilege, action)


def _unauthenticated(answer: dict[str, object], headers: Mapping[str, str], uri: str) -> MlError:
    body = _with_uri(answer, uri)
    challenges = {"WWW-Authenticate": value for name, value in headers.items() if name.lower() == "www-authenticate"}
    return RelayedError("security_exception", "authentication failed", 401, body, challenges)


def _with_uri(part: object, uri: str) -> object:
    if isinstance(part, dict):
        return {key: _with_uri(value, uri) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_uri(value, uri) for value in part]
    return part.replace(_PRIVILEGES_PATH, uri) if isinstance(part, str) else part


def _unauthorized(user: str, privilege: str, action: str) -> MlError:
    granting = {"monitor_ml": "monitor_ml,monitor,manage_ml,manage,all", "manage_ml": "manage_ml,manage,all"}[privilege]
    reason = (
        f"action [{action}] is unauthorized for user [{user}], "
        f"this action is granted by the cluster privileges [{granting}]"
    )
    return MlError("security_exception", reason, 403)
