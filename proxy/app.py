"""Puts the parts together: the one place that knows all of them. How they are served is ``serving``'s matter."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from proxy.alerting.service import Alerting
from proxy.api.access import Access
from proxy.api.dispatch import Dispatcher
from proxy.api.operation import Router
from proxy.api.routes import OPERATIONS
from proxy.api.services import Services
from proxy.api.watch import Watch
from proxy.config import Config
from proxy.metrics import Metrics
from proxy.runtime.supervisor import Supervisor
from proxy.schemas import shipped_schemas
from proxy.store import Store


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


WATCH = web.AppKey("watch", Watch)


def make_app(config: Config, *, clock: Callable[[], int] = epoch_ms) -> web.Application:
    """The application that answers on our paths. Starting it takes up the jobs that were open; stopping saves them."""
    metrics = Metrics()
    store = Store(config, metrics.cluster_called)
    runtime = Supervisor(store, config, clock)
    access = Access(store.client, config.security.mode)
    metrics.look_at(runtime)
    alerting = Alerting(store, runtime, config, clock)
    metrics.look_at_alerts(alerting)
    services = Services(store, runtime, clock, config, access, metrics, alerting)
    dispatcher = Dispatcher(Router(OPERATIONS), shipped_schemas(), services)

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await runtime.start()
        await alerting.start()
        yield
        await runtime.stop()
        await alerting.stop()
        await store.close()

    # The limit on bodies is the dispatcher's own, because it counts what they inflate to.
    app = web.Application(client_max_size=0)
    app.cleanup_ctx.append(lifetime)
    if config.page.path:
        app[WATCH] = Watch(config.page.path, metrics, store.client.answers, lambda: runtime.has_taken_up)
    app.router.add_route("*", r"/{path:[\s\S]*}", dispatcher.handle)
    return app
