"""What goes wrong while a source is read, with the text that a datafeed's notification names as its cause."""

from __future__ import annotations

import re

from proxy.errors import MlError, RelayedError, illegal_argument, not_found, status_error

_WINDOW = re.compile(r"from \+ size must be less than or equal to: \[(\d+)\]")


class ExtractionError(RelayedError):
    """Reading the source failed; to a client it looks as the cluster said it.

    ``cause`` goes behind `Datafeed is encountering errors extracting data: `. After a shard failure the search may be
    tried again at once.
    """

    def __init__(self, error: MlError) -> None:
        super().__init__(error.type, error.reason, error.status, error.body(), error.headers)
        self.cause = _innermost_reason(error)
        self.is_shard_failure = error.type == "search_phase_execution_exception"

    @property
    def largest_page(self) -> int | None:
        """How many hits the index lets one search return, where more were asked for."""
        found = _WINDOW.search(self.cause)
        return int(found[1]) if found else None


def unusable_field(datafeed_id: str, problem: str) -> ExtractionError:
    return ExtractionError(status_error(f"[{datafeed_id}] cannot retrieve {problem}", 400))


def unreadable(reason: str) -> ExtractionError:
    """An answer that cannot be made into records."""
    return ExtractionError(illegal_argument(reason))


def skipped_clusters(skipped: int, total: int) -> ExtractionError:
    text = f"[{skipped}] remote clusters out of [{total}] were skipped when performing datafeed search"
    return ExtractionError(not_found(text))


def _innermost_reason(error: MlError) -> str:
    """The reason of the first root cause: `all shards failed` alone would help nobody."""
    body = error.body().get("error")
    causes = body.get("root_cause") if isinstance(body, dict) else None
    if isinstance(causes, list) and causes and isinstance(causes[0], dict):
        return str(causes[0].get("reason") or error.reason)
    return error.reason
