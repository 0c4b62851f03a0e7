"""What schemathesis has to be told about our answers; it loads this by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import Any

import cbor2
import schemathesis

from proxy.api.smile import documents_of


@schemathesis.deserializer("application/cbor")
def cbor(context: Any, response: Any) -> object:
    return cbor2.loads(response.content)


@schemathesis.deserializer("application/smile")
def smile(context: Any, response: Any) -> object:
    [document] = documents_of(response.content)
    return document
