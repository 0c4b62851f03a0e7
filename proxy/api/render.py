"""How an answer is written: format, pretty, filter_path, number formats, content type.

What is answered is not decided here. Counterpart: ``call``, which reads requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2
import orjson
import yaml

from proxy.errors import MlError, illegal_argument, status_error
from proxy.units import iso

_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+([a-z-]+)\s*;\s*compatible-with\s*=\s*(\d+)", re.IGNORECASE)
_FORMATS = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/cbor": "cbor",
    "json": "json",
    "yaml": "yaml",
    "cbor": "cbor",
}
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

    format: str = "json"
    compatible_with: str | None = None
    pretty: bool = False
    filter_path: tuple[str, ...] = ()
    error_trace: bool = False

    def content_type(self) -> str:
        if self.compatible_with:
            return f"application/vnd.elasticsearch+{self.format};compatible-with={self.compatible_with}"
        return f"application/{self.format}"

    def encode(self, body: Json, *, is_error: bool = False) -> bytes:
        """The bytes of an answer. ``filter_path`` leaves errors whole, as Elasticsearch does."""
        if isinstance(body, Prepared):
            if self.format == "json" and not (self.pretty or self.filter_path):
                return body.json
            body = body.value()
        if self.filter_path and not is_error:
            body = filtered(body, self.filter_path)
        if self.format == "cbor":
            return cbor2.dumps(body)
        if self.format == "yaml":
            return yaml.dump(body, Dumper=_YamlText, sort_keys=False, explicit_start=True, allow_unicode=True).encode()
        if self.pretty:
            return (_pretty(body, 0) + "\n").encode()
        return to_json(body)


def rendering_of(query: Mapping[str, str], headers: Mapping[str, str], *, has_body: bool, major: int) -> Rendering:
    """Reads ``format``, ``pretty``, ``filter_path``, ``error_trace`` and the Accept header.

    Raises:
        MlError: media_type_header_exception for a compatible version that the cluster does not speak.
    """
    accept, content_type = headers.get("Accept"), headers.get("Content-Type") if has_body else None
    _check_versions(accept, content_type, major)
    vendored = _COMPATIBLE.search(accept or "")
    chosen = _FORMATS.get(query.get("format", "").lower())
    if chosen is None and vendored:
        chosen = _FORMATS.get(vendored[1].lower())
    if chosen is None:
        wanted = (accept or "").split(",")[0].split(";")[0].strip().lower()
        chosen = _FORMATS.get(wanted, "json")
    paths = tuple(path for path in query.get("filter_path", "").split(",") if path)
    return Rendering(
        format=chosen,
        compatible_with=vendored[2] if vendored else None,
        pretty=boolean(query.get("pretty", "false")),
        filter_path=paths,
        error_trace=boolean(query.get("error_trace", "false")),
    )


def boolean(text: str) -> bool:
    """A flag of the query string; without a value it is on."""
    if text in ("true", ""):
        return True
    if text == "false":
        return False
    raise illegal_argument(f"Failed to parse value [{text}] as only [true] or [false] are allowed.")


def _check_versions(accept: str | None, content_type: str | None, major: int) -> None:
    asked = {
        name: _COMPATIBLE.search(value or "") for name, value in (("Accept", accept), ("Content-Type", content_type))
    }
    for name, value in (("Accept", accept), ("Content-Type", content_type)):
        version = asked[name][2] if asked[name] else None
        if version is not None and version not in (str(major), str(major - 1)):
            raise _bad_media_type(
                f"{name} version must be either version {major} or {major - 1}, but found {version}. {name}={value}"
            )
    if content_type is not None and bool(asked["Accept"]) != bool(asked["Content-Type"]):
        raise _bad_media_type(
            "A compatible version is required on both Content-Type and Accept headers if either one has requested "
            f"a compatible version. Accept={accept or 'null'}, Content-Type={content_type}"
        )


def _bad_media_type(text: str) -> MlError:
    reason = "Invalid media-type value on headers [Accept, Content-Type]"
    cause = status_error(text, 400)
    return MlError("media_type_header_exception", reason, 400, caused_by=cause, is_root_cause=True)


def to_json(body: Json) -> bytes:
    """Compact JSON with doubles in Java's form: ``60.0``, ``1.2E-10``."""
    return orjson.dumps(_java_doubles(body))


def _java_doubles(value: Json) -> Json:
    if isinstance(value, float):
        return value if 1e-3 <= value < 1e7 or value == 0 else orjson.Fragment(java_double(value))
    if isinstance(value, dict):
        return {key: _java_doubles(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_java_doubles(part) for part in value]
    return value


def java_double(value: float) -> str:
    """``Double.toString``: plain from 1e-3 up to 1e7, otherwise one digit, fraction, ``E``, exponent.

    Values that JSON cannot hold are written as texts, as Elasticsearch does.
    """
    if value != value or value in (float("inf"), float("-inf")):
        return '"NaN"' if value != value else ('"Infinity"' if value > 0 else '"-Infinity"')
    if 1e-3 <= abs(value) < 1e7 or value == 0:
        return repr(value)
    sign, digits, exponent = _decimal(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, shortest significant digits, and the power of ten of the first digit."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(power or 0) + len(whole) - 1
    digits = (whole + fraction).rstrip("0")
    leading = len(digits) - len(digits.lstrip("0"))
    return "-" if value < 0 else "", digits[leading:], exponent - leading


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
        for key, value in node.value:
            key.style = None
            if isinstance(value, yaml.ScalarNode) and value.tag.endswith(":str"):
                value.style = '"'
        return node


def with_human_times(document: Mapping[str, Json], fields: Iterable[str]) -> dict[str, Json]:
    """A copy where each epoch-ms field of ``fields`` is preceded by its ``_string`` twin, for ``?human=true``."""
    wanted = frozenset(fields)
    copy: dict[str, Json] = {}
    for key, value in document.items():
        if key in wanted and isinstance(value, int):
            copy[f"{key}_string"] = iso(value)
        copy[key] = value
    return copy


def filtered(body: Json, paths: Sequence[str]) -> Json:
    """The parts of ``body`` that ``filter_path`` keeps; a path that starts with ``-`` takes away."""
    excluded = [_split(path[1:]) for path in paths if path.startswith("-")]
    included = [_split(path) for path in paths if not path.startswith("-")]
    if excluded:
        body = _without(body, excluded)
    if included:
        body = _only(body, included)
    return {} if body is None else body


def _split(path: str) -> list[str]:
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]


def _advance(patterns: Sequence[list[str]], key: str) -> list[list[str]]:
    """What is left of each pattern below ``key``; an empty one means that ``key`` itself is meant."""
    left: list[list[str]] = []
    for pattern in patterns:
        head, rest = pattern[0], pattern[1:]
        if head == "**":
            left.append(pattern)
            if rest:
                left.extend(_advance([rest], key))
        elif re.fullmatch(re.escape(head).replace(r"\*", ".*"), key):
            left.append(rest)
    return left


def _only(value: Json, patterns: Sequence[list[str]]) -> Json:
    if isinstance(value, list):
        parts = [_only(part, patterns) for part in value]
        return [part for part in parts if part is not None] or None
    if not isinstance(value, dict):
        return None
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = _advance(patterns, key)
        whole = any(not pattern or pattern == ["**"] for pattern in below)
        inner = part if whole else _only(part, below) if below else None
        if whole or inner is not None:
            kept[key] = inner
    return kept or None


def _without(value: Json, patterns: Sequence[list[str]]) -> Json:
    if isinstance(value, list):
        return [_without(part, patterns) for part in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = _advance(patterns, key)
        if not any(not pattern or pattern == ["**"] for pattern in below):
            kept[key] = _without(part, below) if below else part
    return kept
