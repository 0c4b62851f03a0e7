"""Numbers inside the parts of a body that may hold anything: they must fit into what the cluster stores."""

from __future__ import annotations

import math
from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document
from proxy.errors import MlError, illegal_argument

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def fit_into_a_document(document: Document) -> Iterator[Breach]:
    """The reading of a part stops at the first number that is too large, whatever surrounds it."""
    for key, part in document.items():
        for error in _too_large(part):
            yield Breach(error, (key,), "value")


def _too_large(value: object) -> Iterator[MlError]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _too_large(part)
    elif isinstance(value, list):
        for part in value:
            yield from _too_large(part)
    elif isinstance(value, int) and not _LEAST <= value <= _MOST:
        yield illegal_argument(f"Numeric value ({value}) out of range of long ({_LEAST} - {_MOST})")
    elif isinstance(value, float) and not math.isfinite(value):
        yield illegal_argument("Numeric value out of range of double")
