"""What is refused about datafeeds that exist: the texts of Elasticsearch, each in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from proxy.errors import MlError, already_exists, not_found, status_error

RunningState = Literal["starting", "started", "stopping"]
Verb = Literal["update", "delete"]


def unknown_datafeed(*expressions: str) -> MlError:
    """For all parts of an expression that match nothing."""
    return not_found(f"No datafeed with id [{','.join(expressions)}] exists")


def id_is_taken(datafeed_id: str) -> MlError:
    return already_exists(f"A datafeed with id [{datafeed_id}] already exists")


def job_has_datafeed(existing_id: str, job_id: str) -> MlError:
    return status_error(f"A datafeed [{existing_id}] already exists for job [{job_id}]", 409)


def running(verb: Verb, datafeed_id: str, state: RunningState = "started") -> MlError:
    return status_error(f"Cannot {verb} datafeed [{datafeed_id}] while its status is {state}", 409)


def lacks_permissions(datafeed_id: str, user: str, indices_json: str, *, is_new: bool = True) -> MlError:
    verb = "create" if is_new else "update"
    text = (
        f"Cannot {verb} datafeed [{datafeed_id}] because user {user} lacks permissions on the indices: {indices_json}"
    )
    return MlError("security_exception", text, 403)


def job_is_not_open(datafeed_id: str, job_id: str, state: str) -> MlError:
    return status_error(f"cannot start datafeed [{datafeed_id}] because job [{job_id}] is {state}", 409)


def already_started(datafeed_id: str) -> MlError:
    return status_error(f"cannot start datafeed [{datafeed_id}] because it has already been started", 409)


def start_timed_out(datafeed_id: str, timeout: str) -> MlError:
    return MlError("exception", f"Starting datafeed [{datafeed_id}] timed out after [{timeout}]", 500)


def no_index(datafeed_id: str, index: str) -> MlError:
    return not_found(f"datafeed [{datafeed_id}] cannot retrieve data because index [{index}] does not exist")


def nothing_matches(datafeed_id: str, pattern: str) -> MlError:
    """A wildcard for which there is no index."""
    return status_error(
        f"No node found to start datafeed [{datafeed_id}], allocation explanation [cannot start datafeed "
        f"[{datafeed_id}] because index [{pattern}] does not exist, is closed, or is still initializing.]",
        409,
    )


def unmapped_field(datafeed_id: str, field: str) -> MlError:
    text = f"[{datafeed_id}] cannot retrieve field [{field}] because it has no mappings"
    return MlError("illegal_argument_exception", text, 400)


def time_field_without_doc_values(datafeed_id: str, time_field: str) -> MlError:
    text = f"[{datafeed_id}] cannot retrieve time field [{time_field}] because it is not aggregatable"
    return MlError("illegal_argument_exception", text, 400)


def not_all_stopped(expression: str, failures: Sequence[MlError]) -> MlError:
    """Several datafeeds could not be stopped; the last failure is the cause."""
    texts = ", ".join(failure.reason for failure in failures)
    return status_error(
        f"Failed to stop datafeed [{expression}] with [{len(failures)}] failures, rethrowing last, "
        f"all Exceptions: [{texts}]",
        409,
        caused_by=failures[-1],
    )


def query_is_not_parsable(cause: MlError | None = None) -> MlError:
    return status_error("Datafeed query is not parsable", 400, caused_by=cause)
