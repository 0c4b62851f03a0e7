"""Who is asking, and may they: the cluster itself is asked about each caller.

Nothing is cached: a revoked credential is refused at its next call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from proxy.errors import MlError, RelayedError, unavailable
from proxy.store import ClusterClient

Privilege = Literal["monitor_ml", "manage_ml"]

_PRIVILEGES_PATH = "/_security/user/_has_privileges"
_AUTHENTICATE_PATH = "/_security/_authenticate"
_RUN_AS = "es-security-runas-user"
# The type of the realm, so to say, of service accounts.
_SERVICES = "_service_account"
# Security may be turned on in the cluster later.
_ASK_AGAIN_S = 60.0
_GRANTING: Mapping[Privilege, str] = {
    "monitor_ml": "monitor_ml,monitor,manage_ml,manage,all",
    "manage_ml": "manage_ml,manage,all",
}


def privilege_for(action: str) -> Privilege:
    """The cluster privilege that an action needs: what it is called says whether it only reads."""
    return "monitor_ml" if action.startswith("cluster:monitor/") else "manage_ml"


class Access:
    """Checks callers where the cluster's security is on.

    ``mode``: ``on`` always asks, ``off`` never, ``auto`` finds out from the cluster whether security is on: once it
    was, it is not believed to be off again; while it is off, that is asked every minute.
    """

    def __init__(self, cluster: ClusterClient, mode: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._is_on = {"on": True, "off": False}.get(mode)
        self._clock = clock
        self._open_until = -math.inf

    @property
    def is_on(self) -> bool:
        """Whether callers have rights of their own, as far as the calls until now have told."""
        return self._is_on is True

    async def check(self, action: str, identity: Mapping[str, str], uri: str) -> None:
        """Returns when the caller holds the privilege for ``action``.

        Raises:
            MlError: the cluster's own refusal, a 403, or 503 where the cluster cannot tell.
        """
        if self._is_on is False or self._clock() < self._open_until:
            return
        privilege = privilege_for(action)
        status, answer, _ = await self._cluster.ask_as_caller(
            "POST", _PRIVILEGES_PATH, {"cluster": [privilege]}, identity
        )
        if self._is_on is None and status == 400 and "no handler found" in str(answer):
            self._open_until = self._clock() + _ASK_AGAIN_S
            return
        if status in (400, 401, 403):
            raise _relayed(status, answer, uri)
        if status != 200:
            raise unavailable(f"the cluster could not tell the privileges of the caller, it answered [{status}]")
        self._is_on, self._open_until = True, -math.inf
        if not answer["has_all_requested"]:
            raise await self._unauthorized(action, identity)

    async def _unauthorized(self, action: str, identity: Mapping[str, str]) -> MlError:
        """The refusal in the cluster's words, which name the caller and the caller's roles."""
        caller = await self._who_is(identity)
        account = caller
        if any(name.lower() == _RUN_AS for name in identity):
            account = await self._who_is({name: text for name, text in identity.items() if name.lower() != _RUN_AS})
        reason = (
            f"action [{action}] is unauthorized for {_described(account, caller)}, "
            f"this action is granted by the cluster privileges [{_GRANTING[privilege_for(action)]}]"
        )
        return MlError("security_exception", reason, 403)

    async def _who_is(self, identity: Mapping[str, str]) -> dict[str, Any]:
        """What the cluster says of an identity.

        Raises:
            MlError: 503 where it says nothing, which may happen to one that is revoked just now.
        """
        status, answer, _ = await self._cluster.ask_as_caller("GET", _AUTHENTICATE_PATH, None, identity)
        if status != 200:
            raise unavailable(f"the cluster could not tell who the caller is, it answered [{status}]")
        return dict(answer)


def _described(account: dict[str, Any], caller: dict[str, Any]) -> str:
    """Somebody in the cluster's words; ``account`` is whoever the credentials are of, also where it runs as another."""
    is_service = account["authentication_type"] == "token" and account["authentication_realm"]["type"] == _SERVICES
    text = f"{'service account' if is_service else 'user'} [{account['username']}]"
    if "api_key" in account:
        text = f"API key id [{account['api_key']['id']}] of {text}"
    if account is not caller:
        text += f" run as [{caller['username']}]"
    if (is_service or "api_key" in account) and account is caller:
        return text
    return f"{text} with effective roles [{','.join(sorted(caller['roles']))}]"


def _relayed(status: int, answer: dict[str, Any], uri: str) -> MlError:
    """The challenges come from the body, because the client folds headers that were sent more than once."""
    error = answer["error"]
    return RelayedError(error["type"], error["reason"], status, _with_uri(answer, uri), error.get("header", {}))


def _with_uri(part: Any, uri: str) -> Any:
    if isinstance(part, dict):
        return {key: _with_uri(value, uri) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_uri(value, uri) for value in part]
    return part.replace(_PRIVILEGES_PATH, uri) if isinstance(part, str) else part
