"""How a caller names a request, so that a repeat of it counts once."""

from __future__ import annotations

import re

from proxy.api.call import Call
from proxy.errors import illegal_argument

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def key_of(call: Call) -> str:
    """The ``Idempotency-Key`` of a request, "" where there is none.

    Raises:
        MlError: 400 for one that cannot be a key.
    """
    key = call.idempotency_key
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise illegal_argument("Idempotency-Key must have 1 to 255 visible ASCII characters")
    return key
