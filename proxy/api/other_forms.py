"""Bodies in YAML, CBOR or SMILE, as the JSON text that all other reading starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import cbor2
import orjson
import yaml

from proxy.api.media_types import Format
from proxy.api.smile import NotSmile, documents_of
from proxy.errors import PlainError, x_content_parse


def _value(value: object, *_: object) -> object:
    return value


# A tag says that a value is more than JSON knows: a date, a pattern, a reference. As in Elasticsearch the value counts.
_PLAIN = dict.fromkeys((0, 1, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000), _value)
# Readers in Python read so much in a second.
_MAX_BYTES: Mapping[Format, int] = {"yaml": 64 * 1024, "cbor": 2 * 1024 * 1024, "smile": 2 * 1024 * 1024}


def as_json(raw: bytes, form: Format) -> bytes:
    """The same value as JSON.

    Raises:
        MlError: 413 where it is larger than what people write by hand; 400 for what is not of that form, or holds
            values that JSON has not.
    """
    (document,) = _read(raw, form, _single)
    return document


def as_json_lines(raw: bytes, form: Format) -> bytes:
    """As ``as_json``, of one document behind another: each a line."""
    return b"\n".join(_read(raw, form, _all))


def _read(raw: bytes, form: Format, read: Callable[[bytes, Format], list[Any]]) -> list[bytes]:
    if len(raw) > _MAX_BYTES[form]:
        text = f"a body in {form.upper()} may have [{_MAX_BYTES[form]}] bytes, send a larger one as JSON"
        raise PlainError(text, 413)
    try:
        return [orjson.dumps(value) for value in read(raw, form)]
    except (yaml.YAMLError, cbor2.CBORDecodeError, NotSmile, ValueError, TypeError, EOFError) as error:
        raise _unreadable(form, " ".join(str(error).split())) from error
    except RecursionError as error:
        raise _unreadable(form, "it is nested too deeply") from error


def _single(raw: bytes, form: Format) -> list[Any]:
    if form == "yaml":
        return [yaml.load(raw, _Loader)]
    if form == "cbor":
        return [cbor2.CBORDecoder(BytesIO(raw), semantic_decoders=_PLAIN).decode()]
    return [next(documents_of(raw), None)]


def _all(raw: bytes, form: Format) -> list[Any]:
    return list(documents_of(raw)) if form == "smile" else _single(raw, form)


def _unreadable(form: Format, reason: str) -> Exception:
    return x_content_parse(f"[1:1] the body is not {form.upper()}: {reason}")


class _Loader(yaml.SafeLoader):
    """Reads an alias as the name of its anchor, as Elasticsearch does: followed, a few lines would fill the memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        alias: Any = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.ScalarNode("tag:yaml.org,2002:str", alias.anchor, alias.start_mark, alias.end_mark)
