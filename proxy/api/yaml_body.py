"""Bodies written in YAML, as the JSON text that all other reading starts from."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from proxy.errors import PlainError, x_content_parse

# A parser in Python reads so much in a second.
_MAX_BYTES = 256 * 1024


def yaml_to_json(raw: bytes) -> bytes:
    """The same value as JSON.

    Raises:
        MlError: 413 where it is larger than what people write by hand; 400 for what is no YAML, or holds values that
            JSON has not.
    """
    if len(raw) > _MAX_BYTES:
        raise PlainError(f"a body in YAML may have [{_MAX_BYTES}] bytes, send a larger one as JSON", 413)
    try:
        return orjson.dumps(yaml.load(raw, _Loader))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise _unreadable(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise _unreadable("it is nested too deeply") from error


def _unreadable(reason: str) -> Exception:
    return x_content_parse(f"[1:1] the body is not YAML: {reason}")


class _Loader(yaml.SafeLoader):
    """Reads an alias as the name of its anchor, as Elasticsearch does: followed, a few lines would fill the memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        alias: Any = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.ScalarNode("tag:yaml.org,2002:str", alias.anchor, alias.start_mark, alias.end_mark)
