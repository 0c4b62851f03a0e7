"""Secrets of connectors: references that are followed when a message is sent, or texts encrypted under a key of ours.

What is stored tells nobody anything. A secret in the clear is in memory only while it is used.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxy.config import AlertingConfig
from proxy.errors import illegal_argument

_REFERENCE = re.compile(r"\$\{(?P<kind>env|file):(?P<name>[^{}]+)\}")
_ENCRYPTED = "aes-gcm:"
_NONCE_BYTES = 12
_MAX_FILE_BYTES = 64 * 1024
_HIDDEN = "********"
# Shorter ones would hide parts of other words.
_MIN_MASKED = 4


class Unreadable(Exception):
    """A secret cannot be had now; the text says why and not what it is."""


class Secrets:
    """Takes secrets from users, and gives them to who sends messages."""

    def __init__(self, config: AlertingConfig) -> None:
        self._config = config
        self._cipher = None if config.secrets_key is None else AESGCM(_derived(config.secrets_key))

    @property
    def has_key(self) -> bool:
        return self._cipher is not None

    def kept(self, connector_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What may be stored of the secrets that a user gave.

        Raises:
            MlError: 400 for a reference that may not be followed, and for plain texts where there is no key.
        """
        return {name: self._kept(f"{connector_id}.{name}", name, value) for name, value in given.items()}

    def _kept(self, place: str, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self._kept(f"{place}.{key}", f"{name}.{key}", part) for key, part in value.items()}
        if value is None:
            return None
        text = str(value)
        if reference := _REFERENCE.fullmatch(text):
            self._check_reference(name, reference)
            return text
        if self._cipher is None:
            raise illegal_argument(
                f"secret [{name}] must be a reference as ${{env:{self._config.secrets_env_prefix}NAME}} or "
                "${file:PATH}: without [alerting.secrets_key] nothing can be encrypted"
            )
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())
        return _ENCRYPTED + base64.b64encode(sealed).decode()

    def _check_reference(self, name: str, reference: re.Match[str]) -> None:
        prefix, folder = self._config.secrets_env_prefix, self._config.secrets_dir
        if reference["kind"] == "env" and not reference["name"].startswith(prefix):
            raise illegal_argument(
                f"secret [{name}] may only refer to environment variables that begin with [{prefix}]"
            )
        if reference["kind"] == "file" and folder is None:
            raise illegal_argument(f"secret [{name}] may not refer to a file: [alerting.secrets_dir] is not set")
        if reference["kind"] == "file" and not _is_below(folder or "", reference["name"]):
            raise illegal_argument(f"secret [{name}] may only refer to files in [alerting.secrets_dir]")

    def revealed(self, connector_id: str, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The secrets themselves. Reads files, so it is not called on the event loop.

        Raises:
            Unreadable: one of them cannot be had.
        """
        return {name: self._revealed(f"{connector_id}.{name}", name, value) for name, value in kept.items()}

    def _revealed(self, place: str, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self._revealed(f"{place}.{key}", f"{name}.{key}", part) for key, part in value.items()}
        if value is None:
            return None
        if reference := _REFERENCE.fullmatch(value):
            return self._followed(name, reference)
        if self._cipher is None:
            raise Unreadable(f"secret [{name}] is encrypted and [alerting.secrets_key] is not set")
        sealed = base64.b64decode(value.removeprefix(_ENCRYPTED))
        try:
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise Unreadable(f"secret [{name}] was encrypted with another [alerting.secrets_key]") from error
        return opened.decode()

    def _followed(self, name: str, reference: re.Match[str]) -> str:
        target = reference["name"]
        if reference["kind"] == "env":
            found = os.environ.get(target) if target.startswith(self._config.secrets_env_prefix) else None
            if found is None:
                raise Unreadable(f"secret [{name}] refers to environment variable [{target}], which is not set")
            return found
        folder = self._config.secrets_dir
        if folder is None or not _is_below(folder, target):
            raise Unreadable(f"secret [{name}] refers to a file outside of [alerting.secrets_dir]")
        try:
            with (Path(folder) / target).open("rb") as file:
                return file.read(_MAX_FILE_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unreadable(f"secret [{name}] refers to file [{target}], which cannot be read") from error


def _derived(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"secrets of connectors").derive(key.encode())


def _is_below(folder: str, path: str) -> bool:
    """Also by way of links: what counts is where they lead."""
    top = Path(folder).resolve()
    return (top / path).resolve().is_relative_to(top)


def masked(text: str, secrets: Mapping[str, Any]) -> str:
    """A text without the secrets that stand in it, for messages to users and for the log."""
    # As HTTP writes the two together.
    pair = base64.b64encode(f"{secrets.get('user')}:{secrets.get('password') or ''}".encode()).decode()
    for secret in sorted([*_texts(secrets), pair], key=len, reverse=True):
        if len(secret) >= _MIN_MASKED:
            text = text.replace(secret, _HIDDEN)
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
