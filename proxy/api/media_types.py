"""Content-Type and Accept headers as Elasticsearch reads them: which forms they name, and which versions.

Counterpart: ``render``, which writes in the form that was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from multidict import MultiMapping

from proxy.errors import MlError, illegal_argument, status_error

Format = Literal["json", "yaml", "cbor", "smile"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VENDORED = "vnd.elasticsearch+"
# Newline-separated requests are still answered with one document.
_FORMATS: Mapping[str, Format] = {
    "json": "json",
    "x-ndjson": "json",
    "yaml": "yaml",
    "cbor": "cbor",
    "smile": "smile",
}


@dataclass(frozen=True, slots=True)
class MediaType:
    """A parsed media type; ``text`` is the header as it came."""

    text: str
    type: str
    subtype: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_vendored(self) -> bool:
        return self.subtype.startswith(_VENDORED)

    @property
    def form(self) -> str:
        """``json`` of both ``application/json`` and ``application/vnd.elasticsearch+json``; empty for other types."""
        return self.subtype.removeprefix(_VENDORED) if self.type == "application" else ""

    @property
    def format(self) -> Format | None:
        return _FORMATS.get(self.form)

    @property
    def version(self) -> int | None:
        """The major version that is asked for."""
        text = self.parameters.get("compatible-with", "") if self.is_vendored and self.format else ""
        return int(text) if text.isascii() and text.isdigit() else None


def media_type(headers: MultiMapping[str], name: str) -> MediaType | None:
    """The type that a header names; None where there is none, or a range or list of types.

    Raises:
        MlError: media_type_header_exception where the header cannot be read.
    """
    values = headers.getall(name, [])
    if not values:
        return None
    if len(values) > 1:
        raise illegal_argument(f"Incorrect header [{name}]. Only one value should be provided")
    text = values[0]
    if not text.strip():
        raise _bad_header([name], illegal_argument(f"Header [{name}] cannot be empty."))
    if text == "*/*" or "," in text:
        return None
    try:
        return _parsed(text)
    except ValueError as error:
        raise _bad_header([name], illegal_argument(str(error))) from error


def _parsed(text: str) -> MediaType:
    kind, *rest = text.lower().split(";")
    parts = [part.strip() for part in kind.split("/")]
    if len(parts) != 2 or not all(_TOKEN.fullmatch(part) for part in parts):
        raise ValueError(f"invalid media-type [{text}]")
    parameters: dict[str, str] = {}
    for parameter in filter(None, map(str.strip, rest)):
        name, equals, value = parameter.partition("=")
        if not equals or not value or re.search(r"\s", parameter):
            raise ValueError(f"invalid parameters for header [{text}]")
        parameters[name] = value
    return MediaType(text, parts[0], parts[1], parameters)


def check_versions(accept: MediaType | None, content: MediaType | None, major: int) -> None:
    """Refuses versions that the cluster does not speak; ``content`` is None where there is no body.

    Raises:
        MlError: media_type_header_exception.
    """
    accepted = accept.version if accept else None
    sent = content.version if content else None
    for name, header, version in (("Accept", accept, accepted), ("Content-Type", content, sent)):
        if header and version is not None and version not in (major, major - 1):
            raise _mismatch(
                f"{name} version must be either version {major} or {major - 1}, but found {version}. "
                f"{name}={header.text}"
            )
    if content is None:
        return
    told = f"Accept={accept.text if accept else 'null'}, Content-Type={content.text}"
    required = (
        "A compatible version is required on both Content-Type and Accept headers "
        "if either one has requested a compatible version"
    )
    if (major if sent is None else sent) != (major if accepted is None else accepted):
        raise _mismatch(f"{required} and the compatible versions must match. {told}")
    if (sent is None) != (accepted is None):
        raise _mismatch(f"{required}. {told}")


def _mismatch(text: str) -> MlError:
    return _bad_header(["Content-Type", "Accept"], status_error(text, 400))


def _bad_header(names: list[str], cause: MlError) -> MlError:
    reason = f"Invalid media-type value on headers [{', '.join(names)}]"
    return MlError("media_type_header_exception", reason, 400, caused_by=cause, is_root_cause=True)
