"""A whole proxy on a socket, from its settings: the application, the front before it, the way to the cluster.

What the application does is app.py's matter; which command wants it is cli.py's.
"""

import ssl
from dataclasses import dataclass

from proxy.api.front import Front
from proxy.api.upstream import Upstream
from proxy.app import make_app
from proxy.config import Config, ElasticsearchConfig


@dataclass(frozen=True, slots=True)
class Serving:
    """A proxy that listens; `close` lets requests in flight end and saves the open jobs."""

    url: str
    front: Front

    async def close(self) -> None:
        await self.front.close()


async def start_serving(config: Config) -> Serving:
    """Raises OSError where the address cannot be had."""
    upstream = Upstream(
        config.elasticsearch.hosts,
        connect_timeout=config.elasticsearch.connect_timeout,
        ssl_context=ssl_context(config.elasticsearch),
    )
    front = Front(make_app(config), upstream)
    try:
        port = await front.start(
            config.server.host, config.server.port, shutdown_timeout=config.server.shutdown_timeout
        )
    except BaseException:
        await front.close()
        raise
    return Serving(f"http://{url_host(config.server.host)}:{port}", front)


def ssl_context(elasticsearch: ElasticsearchConfig) -> ssl.SSLContext | bool:
    """How https nodes are checked, in aiohttp's terms: False accepts any certificate."""
    if not elasticsearch.verify_certs:
        return False
    if elasticsearch.ca_certs:
        return ssl.create_default_context(cafile=elasticsearch.ca_certs)
    return True


def url_host(host: str) -> str:
    """The address that one can open in a browser for the address that was bound."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
