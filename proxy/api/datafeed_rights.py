"""Whose rights a datafeed reads with: those of whoever created or last updated it, kept as an API key.

Whether callers may use an operation at all is ``access``'s matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.api.services import Services
from proxy.errors import MlError, unavailable
from proxy.job_config.datafeed_errors import lacks_permissions

_PRIVILEGES_PATH = "/_security/user/_has_privileges"
_READ = "indices:data/read/search"
_SECONDARY = "es-secondary-authorization"


@dataclass(frozen=True, slots=True)
class Rights:
    """The key to search with, and what is shown of it; None where the cluster has no security."""

    api_key: str | None = None
    authorization: Mapping[str, Any] | None = None

    def shown_in(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A datafeed's configuration with its ``authorization``."""
        known = {key: value for key, value in config.items() if key != "authorization"}
        return known if self.authorization is None else known | {"authorization": dict(self.authorization)}


async def rights_of_caller(call: Call, services: Services, config: Mapping[str, Any], *, is_new: bool) -> Rights:
    """The caller's rights on a datafeed's indices, for all its searches to come.

    Raises:
        MlError: 403 where the caller may not search them, or where no key can be made for the caller.
    """
    if not services.access.is_on:
        return Rights()
    datafeed_id, indices = str(config["datafeed_id"]), list(config["indices"])
    authorization = _authorization(call)
    await _check(call, services, datafeed_id, indices, is_new=is_new)
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "apikey":
        return Rights(credentials.strip(), await _shown_key(call, services))
    try:
        key = await services.store.api_keys.grant(authorization, datafeed_id, indices)
    except MlError as error:
        if error.status >= 500:
            raise
        reason = (
            f"Cannot {'create' if is_new else 'update'} datafeed [{datafeed_id}] because no API key could be made for "
            f"its searches: {error.reason}; Lanewatch's own user needs the cluster privilege [grant_api_key], or the "
            "caller can authenticate with an API key"
        )
        raise MlError("security_exception", reason, 403, caused_by=error) from error
    return Rights(key.encoded, {"api_key": {"id": key.id, "name": key.name}})


def _authorization(call: Call) -> str:
    given = call.identity.get(_SECONDARY) or call.identity.get("Authorization")
    return given or ""


def _as_searcher(call: Call) -> dict[str, str]:
    """The caller as whom searches are made."""
    others = {name: value for name, value in call.identity.items() if name != _SECONDARY}
    return others | ({"Authorization": _authorization(call)} if _authorization(call) else {})


async def _check(call: Call, services: Services, datafeed_id: str, indices: Sequence[str], *, is_new: bool) -> None:
    """What remote clusters allow is known by them alone, at the first search."""
    names = [index for index in indices if ":" not in index and not index.startswith("-")]
    if not names:
        return
    asked = {"index": [{"names": names, "privileges": [_READ], "allow_restricted_indices": False}]}
    status, answer, _ = await services.store.client.ask_as_caller("POST", _PRIVILEGES_PATH, asked, _as_searcher(call))
    if status != 200:
        raise unavailable(f"the cluster could not tell the privileges of the caller, it answered [{status}]")
    if not answer["has_all_requested"]:
        told = json.dumps(answer["index"], separators=(",", ":"))
        raise lacks_permissions(datafeed_id, str(answer["username"]), told, is_new=is_new)


async def _shown_key(call: Call, services: Services) -> Mapping[str, Any]:
    status, answer, _ = await services.store.client.ask_as_caller(
        "GET", "/_security/_authenticate", None, _as_searcher(call)
    )
    key = answer.get("api_key", {}) if status == 200 else {}
    return {"api_key": {"id": key.get("id", ""), "name": key.get("name", "")}}
