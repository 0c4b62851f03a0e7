"""Puts the parts together: the one place that knows all of them. How they are served is ``serving``'s matter."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from proxy.alerting.service import Alerting
from proxy.api.access import Access
from proxy.api.dispatch import Dispatcher
from proxy.api.operation import Router
from proxy.api.passing.handover import Handover
from proxy.api.routes import OPERATIONS
from proxy.api.services import Services
from proxy.api.watch import Watch
from proxy.config import Config
from proxy.duty import LeaderDuty
from proxy.leadership.leadership import Leadership
from proxy.metrics import Metrics
from proxy.runtime.supervisor import Supervisor
from proxy.schemas import shipped_schemas
from proxy.store import ClusterClient, Peer, Store, TermFence


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


WATCH = web.AppKey("watch", Watch)


@dataclass(frozen=True, slots=True)
class Candidate:
    """This process as one of those that can lead."""

    leadership: Leadership
    duty: LeaderDuty

    async def start(self, me: Peer) -> None:
        """To be called once others can reach this process; it leads as soon as nobody else does."""
        await self.leadership.start(me, self.duty)


CANDIDATE = web.AppKey("candidate", Candidate)


def make_app(
    config: Config, *, clock: Callable[[], int] = epoch_ms, peers: ssl.SSLContext | bool = True
) -> web.Application:
    """The application that answers on our paths.

    It leads, and takes up the jobs that were open, once its ``CANDIDATE`` is started; stopping saves them. ``peers`` is
    for connections to a leader with TLS.
    """
    metrics = Metrics()
    fence = TermFence(config.indices.config, nowhere)
    store = Store(config, metrics.cluster_called, fence)
    lease_client = ClusterClient(config.elasticsearch, metrics.cluster_called)
    leadership = Leadership.of(lease_client, store.names, fence)
    access = Access(store.client, config.security.mode)
    handover = Handover(leadership, config.server.client_body_timeout, peers)

    def make() -> tuple[Supervisor, Alerting]:
        runtime = Supervisor(store, config, clock)
        return runtime, Alerting(store, runtime, config, clock)

    def services_of(runtime: Supervisor, alerting: Alerting) -> Services:
        who = (lambda: leadership.leader, leadership.proxies)
        return Services(store, runtime, clock, config, access, metrics, alerting, *who)

    def show(runtime: Supervisor, alerting: Alerting) -> None:
        metrics.look_at(runtime)
        metrics.look_at_alerts(alerting)
        dispatcher.use(services_of(runtime, alerting))

    dispatcher = Dispatcher(Router(OPERATIONS), shipped_schemas(), services_of(*make()), handover)
    duty = LeaderDuty(make, show)

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        yield
        await duty.stop()
        await leadership.stop()
        await handover.close()
        await store.close()
        await lease_client.close()

    def is_ready() -> bool:
        return duty.runtime.has_taken_up if leadership.leads else leadership.leader is not None

    # The limit on bodies is the dispatcher's own, because it counts what they inflate to.
    app = web.Application(client_max_size=0)
    app.cleanup_ctx.append(lifetime)
    app[CANDIDATE] = Candidate(leadership, duty)
    if config.page.path:
        app[WATCH] = Watch(config.page.path, metrics, store.client.answers, is_ready)
    app.router.add_route("*", r"/{path:[\s\S]*}", dispatcher.handle, expect_handler=invite_later)
    return app


async def invite_later(_: web.Request) -> None:
    """Whoever asks first whether to send a body is told so by whoever reads it, if it is not refused before."""


async def nowhere() -> bool:
    """Before the leadership is there to be asked."""
    return False
