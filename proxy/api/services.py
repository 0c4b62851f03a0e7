"""What a handler may use besides its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.alerting.service import Alerting
    from proxy.api.access import Access
    from proxy.config import Config
    from proxy.metrics import Metrics
    from proxy.runtime.supervisor import Supervisor
    from proxy.store import Peer, Store


@dataclass(frozen=True, slots=True)
class Services:
    """``clock`` gives epoch milliseconds; ``responsible`` is the proxy that leads, None while nobody does.

    ``proxies`` are all that the leader knows of.
    """

    store: Store
    runtime: Supervisor
    clock: Callable[[], int]
    config: Config
    access: Access
    metrics: Metrics
    alerting: Alerting
    responsible: Callable[[], Peer | None] = lambda: None
    proxies: Callable[[], list[Mapping[str, str | int]]] = list
