"""An nginx configuration that sends our paths to the proxy and everything else straight to the cluster.

For where the pass-through's own cost counts: nginx adds a tenth of a millisecond where we add three.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from yarl import URL

from proxy.api.front import OUR_PATHS, ROOT_PATH
from proxy.config import ServerConfig

_TEMPLATE = """\
# Made by lanewatch; include it in the http block of nginx.conf.
# Decided on the request as it was written: Elasticsearch does not decode `/%5fml` to machine learning either.
map $request_uri $lanewatch_or_cluster {{
    default {scheme}://lanewatch_cluster;
    "~^{our_paths}" http://lanewatch_proxy;
{page}    "~^{root}" http://lanewatch_proxy;
}}

upstream lanewatch_cluster {{
{nodes}
    keepalive 64;
    keepalive_requests 1000000000;
}}

upstream lanewatch_proxy {{
    server {proxy};
    keepalive 16;
    keepalive_requests 1000000000;
}}

server {{
    listen {listen};

    # The cluster and the proxy judge requests; nginx only has to let them through.
    client_max_body_size 0;
    large_client_header_buffers 8 {limits.max_header_size};
    client_header_timeout {limits.client_header_timeout:.0f}s;
    client_body_timeout {limits.client_body_timeout:.0f}s;
    send_timeout {limits.send_timeout:.0f}s;
    # Elasticsearch keeps connections; one that nginx closed after a thousand requests could cut the next one off.
    keepalive_requests 1000000000;
    ignore_invalid_headers off;
    merge_slashes off;

    # Bodies are gathered before they are sent: an answer that comes before all of a streamed body would
    # leave the rest on a connection that nginx uses again.
    proxy_request_buffering on;
    client_body_buffer_size 1m;
    proxy_buffering off;

{tls}    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_connect_timeout 5s;
    proxy_read_timeout 1h;
    proxy_send_timeout 1h;
    # nginx would repeat PUT and DELETE on another node, although the first may have carried them out.
    proxy_next_upstream off;

    location / {{
        proxy_pass $lanewatch_or_cluster;
    }}
}}
"""

_TLS = """\
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 5;
    proxy_ssl_trusted_certificate "{verify}";
    proxy_ssl_server_name on;
    proxy_ssl_name {name};

"""


def nginx_config(
    *,
    listen: str,
    proxy: str,
    nodes: Sequence[str],
    limits: ServerConfig,
    page_path: str | None = None,
    verify: str | None = None,
) -> str:
    """The configuration's text.

    listen: as nginx's ``listen`` takes it, for instance ``127.0.0.1:9280``
    proxy: URL of the proxy
    nodes: URLs of the cluster's nodes, all of one scheme and without paths
    limits: how large heads may be and how slow callers
    page_path: where the proxy serves the web page
    verify: file with the authorities to trust for https nodes; without it any certificate is accepted

    Raises:
        ValueError: for nodes that nginx could not serve so
    """
    urls = [URL(node) for node in nodes]
    if len({url.scheme for url in urls}) != 1 or any(url.raw_path not in ("", "/") for url in urls):
        raise ValueError(f"nodes [{', '.join(nodes)}] must be URLs of one scheme without paths")
    if verify and len({url.host for url in urls}) > 1:
        raise ValueError(
            f"nginx checks all certificates for one name, but nodes [{', '.join(nodes)}] have several: "
            "name one of them, or serve without nginx"
        )
    return _TEMPLATE.format(
        listen=listen,
        proxy=_address(URL(proxy)),
        nodes="\n".join(f"    server {_address(url)} max_fails=1 fail_timeout=5s;" for url in urls),
        scheme=urls[0].scheme,
        limits=limits,
        tls=_TLS.format(verify=verify, name=urls[0].host) if verify else "",
        our_paths=_as_pcre(OUR_PATHS),
        page=f'    "~^{page_path}(?=[/?]|$)" http://lanewatch_proxy;\n' if page_path else "",
        root=_as_pcre(ROOT_PATH),
    )


def _address(url: URL) -> str:
    return f"{url.host_subcomponent}:{url.port}"


def _as_pcre(pattern: re.Pattern[str]) -> str:
    return pattern.pattern.replace('"', '\\"')
