"""What `_update` makes of a stored datafeed: each given key replaces the whole of what was under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.job_config import types
from proxy.job_config.datafeed import normalise
from proxy.job_config.types import Document

# Both names of one thing; the stored form has the first.
_OTHER_NAMES = {"indexes": "indices", "aggs": "aggregations"}
_FIXED = ("datafeed_id", "job_id")


def merged(stored: Mapping[str, Any], update: Mapping[str, Any], request_options: Mapping[str, Any]) -> Document:
    """The stored form of a datafeed after a valid update.

    ``request_options`` are the index options of the request's query string, which count where the body has none.
    """
    changed: dict[str, Any] = dict(stored)
    if request_options:
        changed["indices_options"] = request_options
    for key, value in update.items():
        if key not in _FIXED and value is not None:
            changed[_OTHER_NAMES.get(key, key)] = value
    return normalise(types.datafeed(changed), str(stored["job_id"]))
