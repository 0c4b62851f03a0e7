"""Documents of ours that somebody else has changed: told where one is asked for, passed over among others.

What a document must have is said, as a type, by whoever reads it; more may stand in it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from proxy.errors import MlError

_log = logging.getLogger(__name__)
Found = Mapping[str, Any]  # as the cluster tells it: _index, _id and _source
Each = TypeVar("Each", bound=Found)


class DamagedDocument(MlError):
    """A document cannot be read as what it was written as; ``id`` is the document's."""

    def __init__(self, found: Found, fault: str) -> None:
        self.id = str(found["_id"])
        reason = f"document [{self.id}] of [{found['_index']}] is damaged, restore or delete it: {fault}"
        super().__init__("parse_exception", reason, 400)


def refuse_damaged(found: Found, shape: Any) -> None:
    """
    Raises:
        DamagedDocument: the source is not of the type ``shape``.
    """
    try:
        msgspec.convert(found["_source"], shape)
    except msgspec.ValidationError as error:
        raise DamagedDocument(found, str(error)) from error


def sound(found: Iterable[Each], shape: Any, damaged: list[DamagedDocument] | None = None) -> list[Each]:
    """Those that are of the type ``shape``; the others are logged, and added to ``damaged``."""
    kept = []
    for each in found:
        try:
            refuse_damaged(each, shape)
        except DamagedDocument as error:
            _log.error("passed over: %s", error.reason)
            if damaged is not None:
                damaged.append(error)
        else:
            kept.append(each)
    return kept
