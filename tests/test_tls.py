"""Certificates in use: shown to clients, read again while they are served, and checked on the way to the cluster."""

from __future__ import annotations

import hashlib
import http.client
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from cryptography.hazmat.primitives import serialization as forms

from proxy.config import Config, ConfigError, ElasticsearchConfig
from proxy.config_loading import load_config
from proxy.tls import cluster_context, server_context
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.test_cli import RunningCommand

PATHS = ("/_cluster/health", "/_ml/anomaly_detectors")
PASSPHRASE = "open-sesame"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate for this machine in a file with its key, and the authority behind it; both show in handshakes."""

    authority: trustme.CA
    leaf: trustme.LeafCert
    file: Path
    authority_file: Path

    @property
    def authority_fingerprint(self) -> str:
        return fingerprint(self.authority.cert_pem.bytes())

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.leaf.cert_chain_pems[0].bytes())


def issued(folder: Path, name: str) -> Issued:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    made = Issued(authority, leaf, folder / f"{name}.pem", folder / f"{name}-authority.pem")
    made.file.write_bytes(leaf.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes())
    made.authority_file.write_bytes(authority.cert_pem.bytes())
    return made


def fingerprint(pem: bytes) -> str:
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, 64, 2))


@contextmanager
def behind_tls(url: str, shown: Issued, *, port: int = 0, clients: Issued | None = None) -> Iterator[str]:
    """The address of a cluster reached by TLS only, by clients with a certificate if ``clients`` is given."""
    arguments = [str(port), str(urlsplit(url).port), str(shown.file)]
    if clients is not None:
        arguments.append(str(clients.authority_file))
    command = [sys.executable, str(Path(__file__).with_name("tls_relay.py")), *arguments]
    # What it says of handshakes that a test lets fail is of no use.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as relay:
        try:
            assert relay.stdout is not None
            yield f"https://127.0.0.1:{int(relay.stdout.readline())}"
        finally:
            relay.kill()


@pytest.fixture(scope="module")
def default_config() -> Config:
    return load_config(environ={})


def wait_until(is_so: Callable[[], bool], timeout_s: float = 15.0) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.1)


# Towards clients.


def connected(url: str, trusted: Issued) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(trusted.authority_file))
    return http.client.HTTPSConnection(urlsplit(url).netloc, timeout=60, context=context)


def status(connection: http.client.HTTPSConnection, path: str) -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def is_shown(url: str, wanted: Issued) -> bool:
    connection = connected(url, wanted)
    try:
        return status(connection, "/_ml_ui/health/live") == 200
    except ssl.SSLCertVerificationError:
        return False
    finally:
        connection.close()


def test_clients_are_served_with_tls_and_a_signal_makes_a_new_certificate_used(cluster_url, tmp_path, monkeypatch):
    first, second = issued(tmp_path, "first"), issued(tmp_path, "second")
    file = tmp_path / "shown.pem"
    file.write_bytes(first.file.read_bytes())
    monkeypatch.setenv("LANEWATCH_SERVER_SSL_CERTIFICATE", str(file))
    with RunningCommand("serve", "--port", "0", "--elasticsearch", cluster_url) as command:
        assert command.url.startswith("https://")
        kept = connected(command.url, first)
        assert [status(kept, path) for path in PATHS] == [200, 200]
        assert is_shown(command.url, first)
        file.write_text("nothing of use")
        command.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert is_shown(command.url, first), "the old one stays where the new one cannot be used"
        file.write_bytes(second.file.read_bytes())
        command.process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_shown(command.url, second))
        assert not is_shown(command.url, first)
        assert [status(kept, path) for path in PATHS] == [200, 200], "on the connection from before"
        kept.close()
        assert command.stop(signal.SIGTERM) == 0


def encrypted_key(folder: Path, of: Issued) -> Path:
    key = forms.load_pem_private_key(of.leaf.private_key_pem.bytes(), None)
    protection = forms.BestAvailableEncryption(PASSPHRASE.encode())
    file = folder / "encrypted.pem"
    file.write_bytes(key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, protection))
    return file


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("none.pem", None, r"cannot read \[server.ssl.certificate\] \[.*none.pem\]: No such file or directory"),
        ("mine.pem", "none.pem", r"cannot read \[server.ssl.key\] \[.*none.pem\]: No such file or directory"),
        (
            "mine.pem",
            "other.pem",
            r"\[server.ssl.key\] \[.*other.pem\] is not the key of \[server.ssl.certificate\]",
        ),
        ("text.pem", None, r"cannot use \[server.ssl.certificate\] \[.*text.pem\] with .*: they must be PEM files"),
        ("mine.pem", "encrypted.pem", "an encrypted key needs its passphrase"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(tmp_path, certificate, key, told, default_config):
    mine = issued(tmp_path, "mine")
    issued(tmp_path, "other")
    encrypted_key(tmp_path, mine)
    (tmp_path / "text.pem").write_text("nothing of use")
    files = {"ssl_certificate": str(tmp_path / certificate), "ssl_key": key and str(tmp_path / key)}
    with pytest.raises(ConfigError, match=told):
        server_context(replace(default_config.server, **files))


def test_an_encrypted_key_is_opened_with_its_passphrase(tmp_path, default_config):
    mine = issued(tmp_path, "mine")
    settings = replace(
        default_config.server,
        ssl_certificate=str(mine.file),
        ssl_key=str(encrypted_key(tmp_path, mine)),
        ssl_key_passphrase=PASSPHRASE,
    )
    assert server_context(settings) is not None
    assert PASSPHRASE not in repr(settings)


# Towards the cluster.


def proxy_before(config: Config, url: str, **settings: str | None) -> Config:
    return replace(config, elasticsearch=replace(config.elasticsearch, hosts=(url,), **settings))


def statuses(proxy: BackgroundProxy) -> list[int]:
    """Of one call that passes through and of one that is our own: each has its own way to the cluster."""
    return [HttpClient(proxy.serving.url).get(path).status for path in PATHS]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("ca_certs", "authority_file"), ("ca_fingerprint", "authority_fingerprint"), ("ca_fingerprint", "fingerprint")],
)
def test_a_cluster_is_trusted_by_its_authority_or_by_a_fingerprint(
    cluster_url, config, start_proxy, tmp_path, setting, value
):
    shown = issued(tmp_path, "cluster")
    with behind_tls(cluster_url, shown) as url:
        settings = {setting: str(getattr(shown, value))}
        assert statuses(start_proxy(proxy_before(config, url, **settings))) == [200, 200]


def test_a_cluster_of_another_authority_is_refused(cluster_url, config, start_proxy, tmp_path):
    shown, other = issued(tmp_path, "cluster"), issued(tmp_path, "other")
    with behind_tls(cluster_url, shown) as url:
        assert statuses(start_proxy(proxy_before(config, url, ca_certs=str(other.authority_file)))) == [503, 503]
        with pytest.raises(ConfigError, match=r"no certificate that .* shows has the fingerprint of"):
            start_proxy(proxy_before(config, url, ca_fingerprint=other.authority_fingerprint))


def test_a_chain_that_only_shows_the_trusted_authority_is_refused(cluster_url, config, start_proxy, tmp_path):
    """Anybody can show somebody's authority beside a certificate that it has not signed."""
    trusted, forger = issued(tmp_path, "trusted"), issued(tmp_path, "forger")
    forger.file.write_bytes(forger.leaf.private_key_and_cert_chain_pem.bytes() + trusted.authority.cert_pem.bytes())
    with behind_tls(cluster_url, forger) as url:
        settings = {"ca_fingerprint": trusted.authority_fingerprint}
        assert statuses(start_proxy(proxy_before(config, url, **settings))) == [503, 503]


def test_a_fingerprint_is_looked_for_again_until_the_cluster_is_there(cluster_url, config, start_proxy, tmp_path):
    shown = issued(tmp_path, "cluster")
    with behind_tls(cluster_url, shown) as url:
        pass
    proxy = start_proxy(proxy_before(config, url, ca_fingerprint=shown.authority_fingerprint))
    assert statuses(proxy) == [503, 503]
    with behind_tls(cluster_url, shown, port=urlsplit(url).port):
        wait_until(lambda: statuses(proxy) == [200, 200], 30)


def test_a_client_certificate_is_shown_where_the_cluster_asks_for_one(cluster_url, config, start_proxy, tmp_path):
    shown, ours = issued(tmp_path, "cluster"), issued(tmp_path, "ours")
    (tmp_path / "key.pem").write_bytes(ours.leaf.private_key_pem.bytes())
    (tmp_path / "certificate.pem").write_bytes(ours.leaf.cert_chain_pems[0].bytes())
    files = {"client_cert": str(tmp_path / "certificate.pem"), "client_key": str(tmp_path / "key.pem")}
    with behind_tls(cluster_url, shown, clients=ours) as url:
        trusting = {"ca_certs": str(shown.authority_file)}
        assert statuses(start_proxy(proxy_before(config, url, **trusting, **files))) == [200, 200]
        # With TLS 1.3 a server asks for it only after the connection is made: what was sent on it has no answer.
        assert statuses(start_proxy(proxy_before(config, url, **trusting))) == [502, 503]


def test_the_same_settings_share_one_context(default_config):
    settings: ElasticsearchConfig = replace(default_config.elasticsearch, hosts=("https://a:9200",))
    assert cluster_context(settings) is cluster_context(replace(settings))
    assert cluster_context(default_config.elasticsearch) is None
