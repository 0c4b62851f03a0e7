"""The Lanewatch (or Elasticsearch) that an import or export talks to, by the official client, as its user would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from proxy.host_credentials import name_and_password
from proxy.transfer.plan import Document
from proxy.transfer.surroundings import Surroundings

_TIMEOUT_S = 120
# What the API lists at once; more filters or calendars it does not show.
_ALL = 10_000
_JSON = {"accept": "application/json", "content-type": "application/json"}


class Refused(Exception):
    """The server did not do it; the text is its reason. ``status`` is 0 where it gave no answer at all."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """``user`` is ``name:password``; a name alone is asked for its password."""

    url: str
    user: str | None = None
    api_key: str | None = None
    ca_certs: str | None = None


class Server:
    """Use it with ``with``, which closes its connections."""

    def __init__(self, address: Address) -> None:
        """
        Raises:
            Refused: if the address is none
        """
        options: dict[str, Any] = {"request_timeout": _TIMEOUT_S, "max_retries": 0}
        if address.user is not None:
            options["basic_auth"] = name_and_password(address.user)
        if address.api_key is not None:
            options["api_key"] = address.api_key
        if address.ca_certs is not None:
            options["ca_certs"] = address.ca_certs
        self._url = address.url
        try:
            self._client = Elasticsearch(address.url, **options)
        except (ValueError, OSError) as error:
            raise Refused(f"cannot use [{address.url}]: {error}", 0) from error

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """
        Raises:
            Refused: for refusals and where nobody answers
        """
        try:
            return self._client.perform_request(method, path, headers=_JSON, body=body).body
        except ApiError as error:
            raise Refused(_reason(error), error.status_code) from error
        except TransportError as error:
            raise Refused(f"no answer from [{self._url}]: {error.message}", 0) from error

    def surroundings(self) -> Surroundings:
        """The names of all jobs, datafeeds, filters and calendars."""
        return Surroundings(
            jobs=self._names("/_ml/anomaly_detectors", "jobs", "job_id"),
            datafeeds=self._names("/_ml/datafeeds", "datafeeds", "datafeed_id"),
            filters=frozenset(each["filter_id"] for each in self.filters()),
            calendars=frozenset(each["calendar_id"] for each in self.calendars()),
        )

    def _names(self, path: str, kind: str, key: str) -> frozenset[str]:
        answer = self.call("GET", f"{path}?filter_path={kind}.{key}")
        return frozenset(each[key] for each in answer.get(kind, ()))

    def jobs(self, expression: str) -> list[Document]:
        """Without what servers write."""
        found = self.call("GET", f"/_ml/anomaly_detectors/{quote(expression, safe='*,')}?exclude_generated=true")
        return list(found["jobs"])

    def datafeeds(self) -> list[Document]:
        """Without what servers write."""
        return list(self.call("GET", "/_ml/datafeeds?exclude_generated=true")["datafeeds"])

    def filters(self) -> list[Document]:
        return list(self.call("GET", f"/_ml/filters?size={_ALL}")["filters"])

    def calendars(self) -> list[Document]:
        return list(self.call("GET", f"/_ml/calendars?size={_ALL}")["calendars"])

    def events(self, calendar_id: str) -> list[Document]:
        found = self.call("GET", f"/_ml/calendars/{quote(calendar_id, safe='')}/events?size={_ALL}")
        return list(found["events"])


def _reason(error: ApiError) -> str:
    body = error.body
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, dict):
        reasons = list(_reasons(told))
        # The outermost says where, the innermost what is wrong.
        return ": ".join(dict.fromkeys((reasons[0], reasons[-1]))) if reasons else str(told.get("type"))
    return str(told or body or error)


def _reasons(cause: object) -> Iterator[str]:
    while isinstance(cause, dict):
        if cause.get("reason"):
            yield str(cause["reason"])
        cause = cause.get("caused_by")
