"""What stands above a request's body: its query string, its escapes, and the headers that tell who calls."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from multidict import MultiMapping

from proxy.errors import MlError, illegal_argument

# They go to the cluster untouched when it is asked about the caller.
_IDENTITY = (
    "Authorization",
    "es-security-runas-user",
    "es-secondary-authorization",
    "ES-Client-Authentication",
    "X-Opaque-Id",
    "traceparent",
)
# Answers repeat it, and a client takes no longer line of a head than 8 kB.
_MAX_OPAQUE_ID = 1024
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_query(raw_query: str) -> dict[str, str]:
    """The query string as Elasticsearch reads it: a parameter without a value is empty, the last one counts.

    Raises:
        MlError: bad_parameter_exception for a broken percent sign.
    """
    for text in re.split("[&=]", raw_query):
        try:
            check_escapes(text)
        except MlError as error:
            reason = f"java.lang.IllegalArgumentException: {error.reason}"
            raise MlError("bad_parameter_exception", reason, 400, caused_by=error, is_root_cause=True) from error
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return {unquote_plus(name or value): unquote_plus(value if name else "") for name, _, value in pairs}


def check_escapes(text: str) -> None:
    """Raises MlError for a percent sign that no two hexadecimal digits follow."""
    bad = _BAD_ESCAPE.search(text)
    if bad is None:
        return
    sequence = text[bad.start() : bad.start() + 3]
    if len(sequence) == 3:
        raise illegal_argument(f"invalid escape sequence `{sequence}' at index {bad.start()} of: {text}")
    kind = "unterminated" if len(sequence) == 1 else "partial"
    raise illegal_argument(f"{kind} escape sequence at end of string: {text}")


def identity_of(headers: MultiMapping[str]) -> dict[str, str]:
    """The headers that tell who calls.

    Raises:
        MlError: 400 where one of them is sent twice, because servers differ in which one they mean.
    """
    given = {name: headers.getall(name) for name in _IDENTITY if name in headers}
    for name, values in given.items():
        if len(values) > 1:
            raise illegal_argument(f"multiple values for single-valued header [{name}].")
    identity = {name: values[0] for name, values in given.items()}
    if "X-Opaque-Id" in identity:
        identity["X-Opaque-Id"] = identity["X-Opaque-Id"][:_MAX_OPAQUE_ID]
    return identity


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a caller takes gzip, by its ``Accept-Encoding``."""
    codings = (coding.replace(" ", "").lower().partition(";q=") for coding in accept_encoding.split(","))
    return any(name == "gzip" and (not separator or quality.strip("0.") != "") for name, separator, quality in codings)
