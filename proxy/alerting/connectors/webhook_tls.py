"""Whom a webhook believes, and the certificate that it shows."""

from __future__ import annotations

import base64
import secrets as random
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

# Kibana's words in `authType` and `certType`.
CERTIFICATE = "webhook-authentication-ssl"
PEM_FILES, PFX_FILE = "ssl-crt-key", "ssl-pfx"


def tls_of(config: Mapping[str, Any], secrets: Mapping[str, Any]) -> ssl.SSLContext | None:
    """None for the usual authorities and no certificate of ours. Reads and writes files: not for the event loop.

    ``verificationMode`` ``certificate`` does not look at the host's name, ``none`` at nothing.

    Raises:
        ValueError: an authority or a certificate cannot be read, without anything secret in its text.
    """
    ca, mode = config.get("ca"), config.get("verificationMode") or "full"
    has_certificate = config.get("hasAuth", True) and config.get("authType") == CERTIFICATE
    if not ca and mode == "full" and not has_certificate:
        return None
    try:
        context = ssl.create_default_context(cadata=_pem(ca).decode() if ca else None)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("[ca] is no certificate in PEM") from error
    context.check_hostname = mode == "full"
    context.verify_mode = ssl.CERT_NONE if mode == "none" else ssl.CERT_REQUIRED
    if has_certificate:
        is_pfx = config.get("certType") == PFX_FILE
        try:
            _show(context, *(_of_pfx(secrets) if is_pfx else _of_pem(secrets)))
        except (ssl.SSLError, ValueError, TypeError) as error:
            told = "[pfx] is no PKCS #12 file" if is_pfx else "[crt] and [key] are no certificate with its key in PEM"
            raise ValueError(f"{told}, or [password] does not open it") from error
    return context


def _of_pem(secrets: Mapping[str, Any]) -> tuple[bytes, str]:
    """A certificate with its key, and the password that opens the key."""
    return _pem(secrets["crt"]) + b"\n" + _pem(secrets["key"]), secrets.get("password") or ""


def _of_pfx(secrets: Mapping[str, Any]) -> tuple[bytes, str]:
    bundle = load_pkcs12(base64.b64decode(secrets["pfx"]), (secrets.get("password") or "").encode() or None)
    if bundle.cert is None or bundle.key is None:
        raise ValueError("a certificate and a key are needed")
    password = random.token_urlsafe()
    key = bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    chain = (each.certificate.public_bytes(Encoding.PEM) for each in (bundle.cert, *bundle.additional_certs))
    return b"".join(chain) + key, password


def _show(context: ssl.SSLContext, pem: bytes, password: str) -> None:
    # OpenSSL reads a certificate of ours from a file only, and asks at the terminal for a password that is not given.
    with tempfile.TemporaryDirectory(prefix="lanewatch-") as folder:
        file = Path(folder, "certificate.pem")
        file.write_bytes(pem)
        context.load_cert_chain(file, password=lambda: password)


def _pem(text: str) -> bytes:
    """As it is, or in base64, as Kibana's page sends files."""
    return text.encode() if "-----BEGIN" in text else base64.b64decode(text)
