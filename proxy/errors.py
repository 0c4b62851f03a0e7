"""The errors that a client sees, and the only maker of Elasticsearch error bodies.

Everything raises an ``MlError``; the HTTP border renders it. Nothing here knows HTTP or the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# A header that is sent more than once has a list of values.
Headers = Mapping[str, str | Sequence[str]]

# Exceptions of the Java platform. Elasticsearch never reports one as a root cause when one of its own wraps it.
_PLAIN_JAVA = frozenset(
    {
        "illegal_argument_exception",
        "illegal_state_exception",
        "number_format_exception",
        "null_pointer_exception",
        "date_time_parse_exception",
        "date_time_exception",
        "json_parse_exception",
        "json_e_o_f_exception",
        "pattern_syntax_exception",
    }
)


# Comparing names takes time that grows with the product of their lengths. No name of this API comes near.
_COMPARED_LENGTH_MAX = 256
_SUGGESTIONS_MAX = 50


class MlError(Exception):
    """An Elasticsearch-shaped error: type, reason, HTTP status, and what caused it."""

    def __init__(
        self,
        type: str,
        reason: str,
        status: int,
        *,
        caused_by: MlError | None = None,
        headers: Headers | None = None,
        is_root_cause: bool = False,
    ) -> None:
        # Bytes of a header that are no UTF-8 come as halves of surrogate pairs, which no answer can hold.
        self.reason = reason if reason.isascii() else reason.encode("utf-8", "replace").decode()
        super().__init__(self.reason)
        self.is_root_cause = is_root_cause
        self.type = type
        self.status = status
        self.caused_by = caused_by
        self.headers = dict(headers or {})

    def __reduce__(self) -> tuple[object, ...]:
        """Between processes it travels whole; an exception would else be made anew of its message alone."""
        return _empty, (type(self), self.reason), self.__dict__

    def root_cause(self) -> MlError:
        """The innermost error of the chain that is Elasticsearch's own."""
        error = self
        while not error.is_root_cause and error.caused_by is not None and error.caused_by.type not in _PLAIN_JAVA:
            error = error.caused_by
        return error

    def body(self) -> dict[str, object]:
        root = self.root_cause()
        error: dict[str, object] = {"root_cause": [{"type": root.type, "reason": root.reason}]}
        return {"error": error | self._chain(), "status": self.status}

    def _chain(self) -> dict[str, object]:
        link: dict[str, object] = {"type": self.type, "reason": self.reason}
        if self.caused_by is not None:
            link["caused_by"] = self.caused_by._chain()
        return link


def _empty(kind: type[MlError], reason: str) -> MlError:
    return kind.__new__(kind, reason)


class PlainError(MlError):
    """An error whose body is a bare text: what Elasticsearch's HTTP layer answers before any action runs."""

    def __init__(self, reason: str, status: int, *, says_status: bool = True, headers: Headers | None = None) -> None:
        super().__init__("plain", reason, status, headers=headers)
        self._says_status = says_status

    def body(self) -> dict[str, object]:
        return {"error": self.reason} | ({"status": self.status} if self._says_status else {})


class RelayedError(MlError):
    """An error that the cluster itself answered, passed on with its own body."""

    def __init__(
        self, type: str, reason: str, status: int, body: dict[str, object], headers: Headers | None = None
    ) -> None:
        super().__init__(type, reason, status, headers=headers)
        self._body = body

    def body(self) -> dict[str, object]:
        return self._body


def illegal_argument(reason: str, caused_by: MlError | None = None) -> MlError:
    return MlError("illegal_argument_exception", reason, 400, caused_by=caused_by)


def status_error(reason: str, status: int, caused_by: MlError | None = None) -> MlError:
    return MlError("status_exception", reason, status, caused_by=caused_by)


def not_found(reason: str) -> MlError:
    return MlError("resource_not_found_exception", reason, 404)


def already_exists(reason: str) -> MlError:
    """Elasticsearch answers 400 here, not 409."""
    return MlError("resource_already_exists_exception", reason, 400)


def parse_error(reason: str, caused_by: MlError | None = None) -> MlError:
    return MlError("parse_exception", reason, 400, caused_by=caused_by)


def x_content_parse(reason: str, caused_by: MlError | None = None) -> MlError:
    return MlError("x_content_parse_exception", reason, 400, caused_by=caused_by)


def number_format(text: str) -> MlError:
    return MlError("number_format_exception", f'For input string: "{text}"', 400)


def validation_failed(*reasons: str) -> MlError:
    numbered = "".join(f"{number}: {reason};" for number, reason in enumerate(reasons, start=1))
    return MlError("action_request_validation_exception", f"Validation Failed: {numbered}", 400)


def unavailable(reason: str) -> MlError:
    return MlError("connect_transport_exception", reason, 503)


def bad_gateway(reason: str) -> MlError:
    return MlError("node_disconnected_exception", reason, 502)


def gateway_timeout(reason: str) -> MlError:
    return MlError("receive_timeout_transport_exception", reason, 504)


def unknown_job(job_id: str) -> MlError:
    return not_found(f"No known job with id '{job_id}'")


def unrecognized_parameters(path: str, names: list[str], candidates: list[str]) -> MlError:
    """Query parameters that the operation does not read, with Elasticsearch's suggestions."""
    described = [
        f"[{name}]" + (did_you_mean(name, candidates, arrow=True) if number < _SUGGESTIONS_MAX else "")
        for number, name in enumerate(sorted(names))
    ]
    plural = "s" if len(names) > 1 else ""
    return illegal_argument(f"request [{path}] contains unrecognized parameter{plural}: {', '.join(described)}")


def did_you_mean(name: str, candidates: list[str], *, arrow: bool = False) -> str:
    """The suggestion that Elasticsearch appends for a misspelt name, or an empty text.

    Candidates count when more than half of the longer name is right (Levenshtein), best first.
    """
    if len(name) > _COMPARED_LENGTH_MAX:
        return ""
    alike = [other for other in candidates if len(name) <= 2 * len(other) and len(other) <= 2 * len(name)]
    scored = [(1 - _levenshtein(name, other) / max(len(name), len(other), 1), other) for other in alike]
    near = [other for score, other in sorted(scored, key=lambda pair: (-pair[0], pair[1])) if score > 0.5]
    if not near:
        return ""
    lead = " -> did you mean" if arrow else " did you mean"
    return f"{lead} [{near[0]}]?" if len(near) == 1 else f"{lead} any of [{', '.join(near)}]?"


def _levenshtein(a: str, b: str) -> int:
    previous = list(range(len(b) + 1))
    for row, left in enumerate(a, start=1):
        current = [row]
        for column, right in enumerate(b, start=1):
            substitution = previous[column - 1] + (left != right)
            current.append(min(previous[column] + 1, current[-1] + 1, substitution))
        previous = current
    return previous[-1]
