"""API keys that datafeeds search with: made for a caller, so that the caller's password need not be kept."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.errors import MlError
from proxy.store.client import ClusterClient, Json
from proxy.store.datafeeds import StoredDatafeed

_PREFIX = "lanewatch-datafeed-"
_READING = ["read", "view_index_metadata"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``encoded`` is what an ``ApiKey`` authorization header carries."""

    id: str
    name: str
    encoded: str


class ApiKeys:
    def __init__(self, client: ClusterClient) -> None:
        self._client = client

    async def grant(self, authorization: str, datafeed_id: str, indices: Sequence[str]) -> ApiKey:
        """A key that can do no more than read ``indices``, and no more than the caller could when it was made.

        ``authorization`` is the caller's header, with a password or an access token.

        Raises:
            MlError: the cluster makes no such key.
        """
        body = {
            **_grant(authorization),
            "api_key": {"name": _PREFIX + datafeed_id, "role_descriptors": _roles(indices)},
        }
        made = await self._client.request("POST", "/_security/api_key/grant", body=body)
        return ApiKey(made["id"], made["name"], _encoded(made))

    async def end_of(self, stored: StoredDatafeed, unless: str | None = None) -> None:
        """Ends the key that was made for a datafeed; one that its creator brought is the creator's."""
        name = stored.config.get("authorization", {}).get("api_key", {}).get("name", "")
        if stored.api_key in (None, unless) or not name.startswith(_PREFIX):
            return
        try:
            key_id = base64.b64decode(str(stored.api_key)).decode().partition(":")[0]
            await self._client.request("DELETE", "/_security/api_key", body={"ids": [key_id]})
        except (MlError, ValueError, binascii.Error):
            # Whoever may not end keys may still delete datafeeds.
            return


def _encoded(made: Json) -> str:
    return base64.b64encode(f"{made['id']}:{made['api_key']}".encode()).decode()


def _grant(authorization: str) -> dict[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return {"grant_type": "access_token", "access_token": credentials.strip()}
    try:
        username, _, password = base64.b64decode(credentials).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise MlError("security_exception", "the credentials of the caller cannot be read", 401) from error
    return {"grant_type": "password", "username": username, "password": password}


def _roles(indices: Sequence[str]) -> Json:
    # What may be read in remote clusters is not said by names of indices here; the caller's own rights count then.
    if any(":" in index for index in indices):
        return {}
    return {"datafeed": {"indices": [{"names": list(indices), "privileges": _READING}]}}
