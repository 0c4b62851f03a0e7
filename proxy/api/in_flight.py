"""How many bytes of requests' bodies are held at once, over all calls. Who reads bodies is ``body_stream``'s matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from proxy.errors import MlError

_RETRY_AFTER_S = 1


class InFlight:
    """The bytes of bodies that have come and whose requests are not answered yet.

    Bodies that wait for a busy job are held until its turn comes, so without a limit a burst of them fills the memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One request's part, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held

    def refuse_beyond(self, wanted: int) -> None:
        """
        Raises:
            MlError: 429 where so many bytes more would be too many.
        """
        would_be = self.held + wanted
        if would_be > self._limit:
            raise MlError(
                "circuit_breaking_exception",
                f"[inflight_requests] Data too large, data for [<http_request>] would be [{would_be}b], "
                f"which is larger than the limit of [{self._limit}b], retry later or raise "
                "[server.max_in_flight_length]",
                429,
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )


class Share:
    """What one request holds."""

    def __init__(self, whole: InFlight) -> None:
        self._whole = whole
        self.held = 0

    def expect(self, length: int) -> None:
        """Looks whether a body of so many bytes has room, without holding it: it may come slowly, or never.

        Raises:
            MlError: 429 where it has none.
        """
        self._whole.refuse_beyond(length)

    def add(self, length: int) -> None:
        """
        Raises:
            MlError: 429 where so many bytes more are too many.
        """
        self._whole.refuse_beyond(length)
        self._whole.held += length
        self.held += length
