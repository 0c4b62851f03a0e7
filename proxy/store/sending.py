"""How a request of ours reaches the cluster: over which node, how often it is tried, and in which words it fails.

What is asked, and what an answer means, is ``client``'s matter.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import random
import time
from typing import Any

import orjson
from elastic_transport import (
    AsyncTransport,
    ConnectionTimeout,
    OrjsonSerializer,
    TlsError,
    TransportApiResponse,
    TransportError,
)
from elastic_transport import ConnectionError as ClusterConnectionError
from elasticsearch import AsyncElasticsearch

from proxy.config import ElasticsearchConfig
from proxy.errors import gateway_timeout, unavailable
from proxy.store.calls import ClusterCall, OnCall, kind_of
from proxy.tls import cluster_context

_REJECTED = 429
_RETRYABLE_STATUS = (502, 503, 504)
_RETRY_DELAYS_S = (0.2, 0.6, 1.5)
_SPREAD = (0.7, 1.3)
# How long a dead node among several is left alone at most.
_MAX_REST_S = 10.0
_UNREACHED = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})

# Whether the answer to the request under way is wanted as it came.
_undecoded: contextvars.ContextVar[bool] = contextvars.ContextVar("undecoded", default=False)


class _Json(OrjsonSerializer):
    def loads(self, data: bytes) -> Any:
        return data if _undecoded.get() else super().loads(data)


class Sender:
    """Connections to the nodes of one cluster."""

    def __init__(self, config: ElasticsearchConfig, on_call: OnCall) -> None:
        """``on_call`` is told of every attempt."""
        self._config = config
        self._on_call = on_call
        self._es: AsyncElasticsearch | None = None

    async def close(self) -> None:
        if self._es is not None:
            await self._es.close()
            self._es = None

    def _transport(self) -> AsyncTransport:
        # Made at first use, because its connections belong to the running event loop.
        if self._es is None:
            context = cluster_context(self._config)
            tls: dict[str, Any] = {} if context is None else {"ssl_context": context}
            self._es = AsyncElasticsearch(
                list(self._config.hosts),
                serializers={"application/json": _Json()},
                connections_per_node=64,
                # With one node there is no other to prefer: it is asked again at once after a failure.
                dead_node_backoff_factor=0 if len(self._config.hosts) == 1 else 1.0,
                max_dead_node_backoff=_MAX_REST_S,
                **tls,
            )
        return self._es.transport

    async def send(
        self, method: str, target: str, body: Any, headers: dict[str, str], *, retry: bool, raw: bool = False
    ) -> TransportApiResponse:
        """The answer, whatever its status, where there is one.

        ``body`` is a JSON value, or bytes of NDJSON; ``retry`` as for ``client.ClusterClient.request``; ``raw`` leaves
        the body of the answer as it came.

        Raises:
            MlError: 503 where no node can be reached, 504 where none answers in time.
        """
        undecoded = _undecoded.set(raw)
        try:
            return await self._try(method, target, body, headers, retry=retry)
        finally:
            _undecoded.reset(undecoded)

    async def _try(
        self, method: str, target: str, body: Any, headers: dict[str, str], *, retry: bool
    ) -> TransportApiResponse:
        delays: list[float | None] = [*_RETRY_DELAYS_S[: self._config.max_retries], None]
        # A node that was not reached has done nothing: another one may be asked whatever the request is.
        others = len(self._config.hosts) - 1
        while delays:
            delay = delays.pop(0)
            try:
                response = await self._perform(method, target, body, headers)
                status = response.meta.status
                if delay is None or not (status == _REJECTED or (retry and status in _RETRYABLE_STATUS)):
                    return response
            except (ClusterConnectionError, ConnectionTimeout) as error:
                if others > 0 and _is_unreached(error):
                    others -= 1
                    delays.insert(0, delay)
                    continue
                if delay is None or not retry:
                    raise self._translated(error) from error
            except TransportError as error:
                raise self._translated(error) from error
            # Spread, so that all who were refused in the same moment do not come back in the same moment.
            await asyncio.sleep(delay * random.uniform(*_SPREAD))
        raise AssertionError("the last attempt either returns or raises")

    async def _perform(self, method: str, target: str, body: Any, headers: dict[str, str]) -> TransportApiResponse:
        if body is not None:
            is_lines = isinstance(body, bytes)
            headers = headers | {"content-type": "application/x-ndjson" if is_lines else "application/json"}
            body = body if is_lines else orjson.dumps(body)
        began_s, outcome = time.perf_counter(), "failed"
        try:
            response = await self._transport().perform_request(
                method, target, body=body, headers=headers, request_timeout=self._config.request_timeout, max_retries=0
            )
            outcome = str(response.meta.status)
            return response
        except ConnectionTimeout:
            outcome = "timeout"
            raise
        except ClusterConnectionError as error:
            outcome = "unreached" if _is_unreached(error) else "failed"
            raise
        finally:
            self._on_call(ClusterCall(kind_of(target), outcome, time.perf_counter() - began_s))

    def _translated(self, error: TransportError) -> Exception:
        hosts = ", ".join(self._config.hosts)
        if isinstance(error, ConnectionTimeout):
            return gateway_timeout(
                f"the cluster at [{hosts}] did not answer within [{self._config.request_timeout:g}s]"
            )
        hint = (
            "check [elasticsearch.ca_certs] or [elasticsearch.ca_fingerprint]"
            if isinstance(error, TlsError)
            else "is it running?"
        )
        return unavailable(f"cannot reach the cluster at [{hosts}], {hint}")


def _is_unreached(error: TransportError) -> bool:
    """Whether no connection came about, so that the request cannot have been read by anybody."""
    # The transport hides what was raised to it, but Python keeps it.
    return isinstance(error.__context__, OSError) and error.__context__.errno in _UNREACHED
