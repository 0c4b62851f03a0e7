"""Alert rules and connectors have Kibana's paths and Kibana's errors: what differs there from Elasticsearch's.

Spaces are accepted in paths and mean nothing: there is one set of rules.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from proxy.errors import MlError

_SPACE = re.compile(r"/s/[^/?]+(?=/api/)")
_PATHS = ("/api/", "/s/")


def without_space(target: str) -> str:
    """A request's target as it is in the default space."""
    return _SPACE.sub("", target, count=1) if target.startswith("/s/") else target


def is_kibanas(target: str) -> bool:
    """Whether a path of ours is one of Kibana's."""
    return target.startswith(_PATHS)


def kibana_error(error: MlError) -> dict[str, object]:
    """An error as Kibana's API tells it."""
    # It knows neither a path without a handler nor a method that is not allowed.
    status = 404 if error.type == "plain" and error.status in (400, 405) else error.status
    phrase = HTTPStatus(status).phrase
    told = error.body().get("error")
    reason = told["reason"] if isinstance(told, dict) else error.reason  # one that is relayed has its own words
    return {"statusCode": status, "error": phrase, "message": phrase if status != error.status else reason}
