"""How an answer is written: format, pretty, filter_path, number formats, content type.

What is answered is not decided here. Counterpart: ``call``, which reads requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Any

import cbor2
import orjson
import yaml
from multidict import MultiMapping

from proxy.api.filter_path import filtered, paths_of
from proxy.api.media_types import Format, check_versions, media_type
from proxy.api.smile import to_smile
from proxy.errors import illegal_argument
from proxy.units import iso, java_double

FORMATS: Mapping[str, Format] = {"json": "json", "yaml": "yaml", "cbor": "cbor", "smile": "smile"}
# JSON as a value: the answers of an API that promises any document.
Json = Any


@dataclass(frozen=True, slots=True)
class Prepared:
    """A large answer whose compact JSON was made elsewhere than on the event loop; ``value`` serves all other forms."""

    json: bytes
    value: Callable[[], Json]


@dataclass(frozen=True, slots=True)
class Rendering:
    """The form that a client asked for."""

    format: Format = "json"
    content_type: str = "application/json"
    pretty: bool = False
    filter_path: tuple[str, ...] = ()
    error_trace: bool = False

    @property
    def is_plain(self) -> bool:
        """Compact JSON of the whole answer, which takes no time to speak of."""
        return self.format == "json" and not (self.pretty or self.filter_path)

    def encode(self, body: Json, *, is_error: bool = False) -> bytes:
        """The bytes of an answer. ``filter_path`` leaves errors whole, as Elasticsearch does."""
        if isinstance(body, Prepared):
            if self.is_plain:
                return body.json
            body = body.value()
        if self.filter_path and not is_error:
            body = filtered(body, self.filter_path)
        if self.format == "cbor":
            return cbor2.dumps(body)
        if self.format == "smile":
            return to_smile(body)
        if self.format == "yaml":
            return yaml.dump(body, Dumper=_YamlText, sort_keys=False, explicit_start=True, allow_unicode=True).encode()
        if self.pretty:
            return (_pretty(body, 0) + "\n").encode()
        return to_json(body)


def rendering_of(query: Mapping[str, str], headers: MultiMapping[str], *, has_body: bool, major: int) -> Rendering:
    """Reads ``format``, ``pretty``, ``filter_path``, ``error_trace``, and the Accept and Content-Type headers.

    Raises:
        MlError: media_type_header_exception for a compatible version that the cluster does not speak.
    """
    accept, content = media_type(headers, "Accept"), media_type(headers, "Content-Type")
    check_versions(accept, content if has_body else None, major)
    wanted, is_vendored = FORMATS.get(query.get("format", "").lower()), False
    for source in (accept, content):
        if wanted is None and source is not None:
            wanted, is_vendored = source.format, source.format is not None and source.is_vendored
    parameters = "".join(f";{name}={value}" for name, value in accept.parameters.items()) if accept else ""
    return Rendering(
        format=wanted or "json",
        content_type=f"application/{'vnd.elasticsearch+' if is_vendored else ''}{wanted or 'json'}{parameters}",
        pretty=boolean(query.get("pretty", "false")),
        filter_path=paths_of(query.get("filter_path", "")),
        error_trace=boolean(query.get("error_trace", "false")),
    )


def boolean(text: str) -> bool:
    """A flag of the query string; without a value it is on."""
    if text in ("true", ""):
        return True
    if text == "false":
        return False
    raise illegal_argument(f"Failed to parse value [{text}] as only [true] or [false] are allowed.")


def to_json(body: Json) -> bytes:
    """Compact JSON with doubles in Java's form: ``60.0``, ``1.2E-10``."""
    return orjson.dumps(_java_doubles(body))


def shown_double(value: float) -> Json:
    """The double as orjson must find it to write it in Java's form."""
    if 1e-3 <= value < 1e7 or value == 0 or -1e7 < value <= -1e-3:
        return value
    return orjson.Fragment(java_double(value))


def _java_doubles(value: Json) -> Json:
    """The value with every double that orjson would write otherwise replaced; itself where there is none.

    Pages of ten thousand documents come through here, and most of their doubles are plain.
    """
    kind = type(value)
    if kind is float:
        return shown_double(value)
    if kind is dict:
        changed = {}
        for key, part in value.items():
            kind = type(part)
            if kind is float:
                if not (1e-3 <= part < 1e7 or part == 0 or -1e7 < part <= -1e-3):
                    changed[key] = orjson.Fragment(java_double(part))
            elif (kind is list or kind is dict) and part:
                shown = _java_doubles(part)
                if shown is not part:
                    changed[key] = shown
        return value | changed if changed else value
    if kind is list:
        parts = [_java_doubles(part) for part in value]
        return value if all(map(is_, parts, value)) else parts
    if isinstance(value, Mapping):
        return _java_doubles(dict(value))
    return [_java_doubles(part) for part in value] if isinstance(value, tuple) else value


def _pretty(value: Json, depth: int) -> str:
    pad, inner = "  " * depth, "  " * (depth + 1)
    if isinstance(value, dict) and value:
        rows = ",\n".join(f"{inner}{_scalar(key)} : {_pretty(part, depth + 1)}" for key, part in value.items())
        return f"{{\n{rows}\n{pad}}}"
    if isinstance(value, list) and value:
        rows = ",\n".join(inner + _pretty(part, depth + 1) for part in value)
        return f"[\n{rows}\n{pad}]"
    if isinstance(value, dict | list):
        return "{ }" if isinstance(value, dict) else "[ ]"
    return _scalar(value)


def _scalar(value: Json) -> str:
    return java_double(value) if isinstance(value, float) else orjson.dumps(value).decode()


class _YamlText(yaml.SafeDumper):
    """YAML as Elasticsearch writes it: texts quoted, keys bare."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        for key, _ in node.value:
            key.style = None
        return node

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')


def _yaml_double(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = java_double(value)
    return _yaml_text(dumper, text.strip('"')) if text[0] == '"' else dumper.represent_scalar(_YAML_FLOAT, text)


_YAML_FLOAT = "tag:yaml.org,2002:float"
_YamlText.add_representer(str, _yaml_text)
_YamlText.add_representer(float, _yaml_double)
# PyYAML would not read Java's exponents as numbers, and so would tag them.
_YamlText.add_implicit_resolver(_YAML_FLOAT, re.compile(r"-?\d\.\d+E-?\d+"), list("-0123456789"))


def with_human_times(document: Mapping[str, Json], fields: Iterable[str]) -> dict[str, Json]:
    """A copy where each epoch-ms field of ``fields`` is preceded by its time as text, as ``?human=true`` asks for."""
    wanted = frozenset(fields)
    copy: dict[str, Json] = {}
    for key, value in document.items():
        if key in wanted and isinstance(value, int):
            copy[f"{key}_string"] = iso(value)
        copy[key] = value
    return copy
