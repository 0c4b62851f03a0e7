"""Certificates: those we show to clients and to the cluster, and whom we trust as the cluster.

A context is made once and used by all connections; what is read again or found out later goes into the same one.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from proxy.config import Config, ConfigError, ElasticsearchConfig, ServerConfig

_ASK_AGAIN_S = 2.0

_log = logging.getLogger(__name__)


@functools.cache
def cluster_context(config: ElasticsearchConfig) -> ssl.SSLContext | None:
    """How connections to https nodes are made, the same context for the same settings; None for http.

    With a fingerprint it trusts nobody until `trust_fingerprint` has found the authority.

    Raises:
        ConfigError: a file cannot be used.
    """
    if not config.hosts[0].lower().startswith("https"):
        return None
    if config.ca_fingerprint and not config.ca_certs:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = _trusting(config.ca_certs)
    if not config.verify_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _load_client_certificate(context, config)
    return context


def server_context(config: ServerConfig) -> ssl.SSLContext | None:
    """What clients are shown; None where they are served without TLS.

    Raises:
        ConfigError: certificate and key cannot be used.
    """
    if config.ssl_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_server_certificate(context, config)
    return context


def peer_context(config: ServerConfig) -> ssl.SSLContext | bool:
    """For connections to another proxy of the same service: authorities that are known, and our own certificate.

    Proxies find each other by addresses that no certificate need bear, so the name in it is not compared.
    """
    if config.ssl_certificate is None:
        return True
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(config.ssl_certificate)
    return context


def reload_certificates(config: Config, server: ssl.SSLContext | None) -> None:
    """Reads our certificates again, for connections to come. What cannot be used is logged, and the old ones stay."""
    ours, cluster = config.server, config.elasticsearch
    loads: list[tuple[ssl.SSLContext | None, Callable[[ssl.SSLContext], None]]] = [
        (server, lambda context: _load_server_certificate(context, ours)),
        (cluster_context(cluster), lambda context: _load_client_certificate(context, cluster)),
    ]
    try:
        for context, load in loads:
            if context is not None:
                # A trial first: a context would keep a new certificate whose key does not fit.
                load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
                load(context)
    except ConfigError as problem:
        _log.error("certificates are not read again, the old ones stay in use: %s", problem)
        return
    _log.info("certificates were read again")


async def trust_fingerprint(config: ElasticsearchConfig) -> None:
    """Finds the certificate with the fingerprint in what a node shows, and trusts what it has signed from then on.

    Returns at once where no fingerprint is set.

    Raises:
        ConfigError: the nodes show certificates, but not that one.
        OSError: no node can be reached.
    """
    context = cluster_context(config)
    if context is None or not config.ca_fingerprint or not config.verify_certs:
        return
    wanted = re.sub(r"[:\s]", "", config.ca_fingerprint).lower()
    unreached: OSError | None = None
    for host in config.hosts:
        try:
            chain = await asyncio.to_thread(_shown_certificates, host, config)
        except OSError as error:
            unreached = error
            continue
        for certificate in chain:
            if hashlib.sha256(certificate).hexdigest() == wanted:
                # The node's own certificate may be meant as well, which no authority of its own need have signed.
                context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                context.load_verify_locations(cadata=certificate)
                return
        raise ConfigError(f"no certificate that [{host}] shows has the fingerprint of [elasticsearch.ca_fingerprint]")
    assert unreached is not None, "there is at least one host"
    raise unreached


async def trust_fingerprint_later(config: ElasticsearchConfig) -> None:
    """Tries again until a node is there."""
    while True:
        await asyncio.sleep(_ASK_AGAIN_S)
        try:
            return await trust_fingerprint(config)
        except OSError:
            continue
        except ConfigError as problem:
            _log.error("%s", problem)


def _shown_certificates(url: str, config: ElasticsearchConfig) -> list[bytes]:
    """The chain that a node shows, in DER form, verified by nobody."""
    parts = urlsplit(url)
    assert parts.hostname is not None, "settings are checked to have one"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _load_client_certificate(context, config)
    address = parts.hostname, parts.port or 443
    with (
        socket.create_connection(address, config.connect_timeout) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as secured,
    ):
        if hasattr(secured, "get_unverified_chain"):
            return list(secured.get_unverified_chain())
        # Before Python 3.13 this has no public name; elastic_transport and urllib3 use the same.
        return [
            ssl.PEM_cert_to_DER_cert(shown.public_bytes())
            for shown in secured._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
        ]


def _trusting(authorities: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        reason = _reason(error)
        raise ConfigError(f"cannot read [elasticsearch.ca_certs] [{authorities}]: {reason}") from error


def _load_server_certificate(context: ssl.SSLContext, config: ServerConfig) -> None:
    if config.ssl_certificate is not None:
        names = ("server.ssl.certificate", "server.ssl.key")
        files = (config.ssl_certificate, config.ssl_key)
        _load(context, names, files, config.ssl_key_passphrase)


def _load_client_certificate(context: ssl.SSLContext, config: ElasticsearchConfig) -> None:
    if config.client_cert is not None:
        names = ("elasticsearch.client_cert", "elasticsearch.client_key")
        _load(context, names, (config.client_cert, config.client_key), None)


def _load(
    context: ssl.SSLContext, names: tuple[str, str], files: tuple[str, str | None], passphrase: str | None
) -> None:
    """A certificate and its key, which may stand in the certificate's file. Raises ConfigError."""
    for name, file in zip(names, files, strict=True):
        try:
            if file is not None:
                Path(file).read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read [{name}] [{file}]: {error.strerror}") from error
    try:
        # Without a passphrase OpenSSL would ask for one at the terminal.
        context.load_cert_chain(*files, password=passphrase or "")
    except (ssl.SSLError, ValueError) as error:
        told = {
            "KEY_VALUES_MISMATCH": f"[{names[1]}] [{files[1] or files[0]}] is not the key of [{names[0]}] [{files[0]}]",
        }
        otherwise = (
            f"cannot use [{names[0]}] [{files[0]}] with [{names[1]}] [{files[1] or files[0]}]: they must be PEM files, "
            f"and an encrypted key needs its passphrase ({_reason(error)})"
        )
        raise ConfigError(told.get(getattr(error, "reason", ""), otherwise)) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
