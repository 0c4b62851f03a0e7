"""A whole proxy on a socket, from its settings: the application, the front before it, the way to the cluster.

What the application does is app.py's matter; which command wants it is commands.py's.
"""

import asyncio
import gc
import os
import signal
import socket
import ssl
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import uvloop

from proxy.api.front import Front
from proxy.api.page import Page
from proxy.api.passing.upstream import Upstream
from proxy.app import CANDIDATE, WATCH, make_app
from proxy.check import tell_missing_rights
from proxy.cluster.node import Node
from proxy.config import Config, ConfigError, ElasticsearchConfig, ServerConfig
from proxy.leadership.processes import this_process
from proxy.nginx import nginx_config
from proxy.nginx_process import NginxProcess, find_nginx
from proxy.runtime.tasks import Tasks
from proxy.store import Peer, machine_name
from proxy.tls import (
    cluster_context,
    peer_context,
    reload_certificates,
    server_context,
    trust_fingerprint,
    trust_fingerprint_later,
)

NODE_CHECK_S = 1.0


class AddressProblem(Exception):
    """The proxy cannot listen where it should; the text is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A proxy that listens; `close` lets requests in flight end, up to a limit, and saves the open jobs."""

    url: str
    front: Front
    tasks: Tasks
    certificates: ssl.SSLContext | None = None
    nginx: NginxProcess | None = None
    shutdown_timeout: float = 0

    async def close(self) -> None:
        if self.nginx is not None:
            await self.nginx.close(self.shutdown_timeout)
        await self.tasks.stop()
        await self.front.close()


async def start_serving(config: Config) -> Serving:
    """Raises OSError where the address cannot be had."""
    # Decoding ten thousand results makes a hundred thousand objects, none of them garbage: at Python's own
    # threshold, looking for some takes three times as long as decoding.
    gc.set_threshold(100_000, 20, 100)
    upstream = Upstream(
        config.elasticsearch.hosts,
        connect_timeout=config.elasticsearch.connect_timeout,
        ssl_context=cluster_context(config.elasticsearch) or True,
    )
    certificates = server_context(config.server)
    tasks = Tasks()
    try:
        await trust_fingerprint(config.elasticsearch)
    except OSError:
        tasks.spawn(trust_fingerprint_later(config.elasticsearch), "trust in the cluster's certificates")
    page = Page(config.page.path, {"alerts": config.indices.alerts_alias}) if config.page.path else None
    app = make_app(config, peers=peer_context(config.server))
    front = Front(app, upstream, config.server, page=page, watch=app.get(WATCH))
    try:
        port = await front.start(
            config.server.host,
            config.server.port,
            # The other half is for the models.
            shutdown_timeout=config.server.shutdown_timeout / 2,
            ssl_context=certificates,
        )
    except BaseException:
        await tasks.stop()
        await front.close()
        raise
    scheme = "http" if certificates is None else "https"
    url = f"{scheme}://{url_host(config.server.host)}:{port}"
    address = config.server.address or f"{scheme}://{own_host(config)}:{port}"
    me = Peer(uuid.uuid4().hex, machine_name(), address, this_process())
    await app[CANDIDATE].start(me)
    return Serving(url, front, tasks, certificates)


def own_host(config: Config) -> str:
    """Where other proxies reach this one: the address that is listened on, or of all of them the one to the cluster."""
    if config.server.host not in ("0.0.0.0", "::"):
        return url_host(config.server.host)
    node = urlsplit(config.elasticsearch.hosts[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((node.hostname or "", node.port or 9200))  # sends nothing, only chooses a way
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def trusted_authorities(elasticsearch: ElasticsearchConfig) -> str | None:
    """The file with which https nodes are checked, None where they are not. Raises ConfigError."""
    if not elasticsearch.verify_certs:
        return None
    authorities = elasticsearch.ca_certs or ssl.get_default_verify_paths().cafile
    if authorities is None:
        raise ConfigError("[elasticsearch.ca_certs] must name the authorities to trust: the system has no file of them")
    return authorities


def url_host(host: str) -> str:
    """The address that one can open in a browser for the address that was bound."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def refuse_used_address(server: ServerConfig) -> int:
    """The port to listen on: the given one, or a free one for 0.

    Raises AddressProblem now for what `start_serving` could not do later, after a slow start of a cluster.
    """
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((server.host, server.port))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise address_problem(server, error) from error


def address_problem(server: ServerConfig, error: OSError) -> AddressProblem:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return AddressProblem(
        f"cannot listen on {server.host} port {server.port} ({reason}): choose another with --host and --port"
    )


async def start_behind_nginx(config: Config) -> Serving:
    """A proxy on a port of its own, and an nginx before it where the settings want the proxy.

    Raises AddressProblem, ConfigError and NginxProblem.
    """
    find_nginx()
    refuse_what_nginx_does_not_do(config)
    port = refuse_used_address(config.server)
    nodes, host = config.elasticsearch, config.server.host
    serving = await start_serving(replace(config, server=replace(config.server, host="127.0.0.1", port=0)))
    try:
        verify = trusted_authorities(nodes) if nodes.hosts[0].startswith("https") else None
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        server = nginx_config(
            listen=listen,
            proxy=serving.url,
            nodes=nodes.hosts,
            limits=config.server,
            page_path=config.page.path,
            verify=verify,
        )
        nginx = NginxProcess(server, url_host(host).strip("[]"), port)
        await nginx.start()
    except BaseException as error:
        await serving.close()
        if isinstance(error, ValueError):
            raise ConfigError(str(error)) from error
        raise
    return replace(
        serving,
        url=f"http://{url_host(host)}:{port}",
        nginx=nginx,
        shutdown_timeout=config.server.shutdown_timeout,
    )


def refuse_what_nginx_does_not_do(config: Config) -> None:
    """Raises ConfigError for settings of TLS that the configuration made for nginx would leave out unnoticed."""
    for name, value in (
        ("server.ssl.certificate", config.server.ssl_certificate),
        ("elasticsearch.ca_fingerprint", config.elasticsearch.ca_fingerprint),
        ("elasticsearch.client_cert", config.elasticsearch.client_cert),
    ):
        if value:
            raise ConfigError(f"[{name}] does not work with --nginx: serve without it")


def serve_until_stopped(
    config: Config, say: Callable[[str], None], *, node: Node | None = None, nginx: bool = False
) -> int:
    """Serves until Ctrl-C, SIGTERM or the end of `node`; returns the exit code. Raises AddressProblem, NginxProblem."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        exit_code = runner.run(serve(config, say, node, nginx))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # we are stopping; a second one would only leave things behind
    return exit_code


async def serve(config: Config, say: Callable[[str], None], node: Node | None, nginx: bool) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        serving = await (start_behind_nginx(config) if nginx else start_serving(config))
    except OSError as error:
        raise address_problem(config.server, error) from error
    if config.server.ssl_certificate or config.elasticsearch.client_cert:
        loop.add_signal_handler(signal.SIGHUP, reload_certificates, config, serving.certificates)
    # What is there by now stays there: to look through it for garbage would hold up requests for 50 ms and more.
    gc.collect()
    gc.freeze()
    serving.tasks.spawn(tell_missing_rights(config), "missing rights")
    say(f"lanewatch serves {serving.url} in front of {', '.join(config.elasticsearch.hosts)} (Ctrl-C stops it)")
    try:
        await stopped_or_ended(stopped, node)
    finally:
        await serving.close()
    if stopped.is_set():
        return 0
    say("the local Elasticsearch has ended by itself, and so does lanewatch")
    return 1


async def stopped_or_ended(stopped: asyncio.Event, node: Node | None) -> None:
    """Returns when a signal came or, looking every second, the local node is gone."""
    while not stopped.is_set() and (node is None or node.process.poll() is None):
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), None if node is None else NODE_CHECK_S)
