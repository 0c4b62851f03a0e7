"""What load balancers and Prometheus ask, under the page's path: health and metrics. Nobody's data are told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from proxy.errors import MlError, gateway_timeout, unavailable
from proxy.metrics import CONTENT_TYPE, Metrics

# A balancer that waits longer takes us for dead.
_PATIENCE_S = 2.0
_NOT_KEPT = {"Cache-Control": "no-store"}


class Watch:
    """Answers ``health``, ``health/live`` and ``metrics`` below ``path``.

    ``ask_cluster`` raises MlError where the cluster cannot be reached; ``is_ready`` tells whether the jobs that were
    open have been taken up.
    """

    def __init__(
        self, path: str, metrics: Metrics, ask_cluster: Callable[[], Awaitable[object]], is_ready: Callable[[], bool]
    ) -> None:
        self.targets = re.compile(rf"{re.escape(path)}/(health/live|health|metrics)(?=\?|$)")
        self.metrics = metrics
        self._ask_cluster = ask_cluster
        self._is_ready = is_ready

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """
        Raises:
            MlError: 503 and 504 where requests cannot be served now, 405 for other methods than GET and HEAD.
        """
        if request.method not in ("GET", "HEAD"):
            raise MlError(
                "illegal_argument_exception", "only [GET, HEAD] are supported here", 405, headers={"Allow": "GET, HEAD"}
            )
        found = self.targets.match(request.raw_path)
        assert found is not None, "others are not sent here"
        if found[1] == "metrics":
            return web.Response(body=self.metrics.text(), headers={**_NOT_KEPT, "Content-Type": CONTENT_TYPE})
        if found[1] == "health":
            await self._refuse_unready()
        return web.json_response({"status": "ok"}, headers=_NOT_KEPT)

    async def _refuse_unready(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._ask_cluster()
        except TimeoutError as error:
            raise gateway_timeout(f"the cluster did not answer within [{_PATIENCE_S:g}s]") from error
        if not self._is_ready():
            raise unavailable("the jobs that were open are being taken up")
