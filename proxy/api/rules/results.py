"""Which options of the results endpoints exclude each other.

Elasticsearch complains when the second of two such options is set, so the order in which they come decides the
text: in a body the order of its keys, with the path last; without a body the path or query option first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.errors import MlError, illegal_argument, validation_failed
from proxy.store import ResultFilter

_NOT_WITH_TIMESTAMP = {
    "page": "from, size",
    "from": "from, size",
    "size": "from, size",
    "start": "start",
    "end": "end",
    "anomaly_score": "anomaly_score",
}


def result_filter(call: Call, score_field: str) -> ResultFilter:
    return ResultFilter(
        start=call.option("start"),
        end=call.option("end"),
        exclude_interim=call.option("exclude_interim", False),
        minimum_score=call.option(score_field, 0.0),
    )


def bucket_timestamp(call: Call) -> str | None:
    """The single bucket that is asked for; None means a list.

    Raises:
        MlError: 400 for an option that only a list knows.
    """
    timestamp, has_list_option = None, False
    for option in _options_in_order(call, "timestamp", tuple(_NOT_WITH_TIMESTAMP)):
        if option.name != "timestamp":
            if timestamp is not None:
                shown = _NOT_WITH_TIMESTAMP[option.name]
                raise option.refused(call, f"Param [{shown}] is incompatible with [timestamp].")
            has_list_option = True
        elif has_list_option:
            shown = "from,size,start,end,anomaly_score"
            raise option.refused(call, f"Param [timestamp] is incompatible with [{shown}]")
        else:
            timestamp = option.value
    return timestamp


def category_id(call: Call) -> int | None:
    """The single category that is asked for; None means a page.

    Raises:
        MlError: 400 for both, or for a body with neither.
    """
    chosen, has_page = None, False
    for option in _options_in_order(call, "category_id", ("page", "from", "size")):
        if option.name != "category_id":
            if chosen is not None:
                raise option.refused(call, "Param [from, size] is incompatible with [category_id].")
            has_page = True
        elif has_page:
            raise option.refused(call, "Param [category_id] is incompatible with [from, size].")
        else:
            chosen = option.value
    if call.body is not None and chosen is None and not has_page:
        raise validation_failed("Both [category_id] and [from, size] cannot be null")
    return chosen


@dataclass(frozen=True, slots=True)
class _Option:
    """An option that was given; ``in_body`` says whether its refusal is a body's."""

    name: str
    value: Any
    in_body: bool

    def refused(self, call: Call, text: str) -> MlError:
        error = illegal_argument(text)
        if not self.in_body:
            return error
        return call.body_error((self.name,), error, at="end" if self.name == "page" else "value")


def _options_in_order(call: Call, single: str, others: tuple[str, ...]) -> Iterator[_Option]:
    """The given options in the order in which Elasticsearch sets them."""
    in_path = [_Option(single, call.path[single], False)] if single in call.path else []
    if call.body is not None:
        yield from (_Option(name, value, True) for name, value in call.body.items() if name in (single, *others))
        yield from in_path
        return
    in_query = [_Option(single, call.query[single], False)] if single in call.query else []
    yield from in_path or in_query
    yield from (_Option(name, call.query[name], False) for name in others if name in call.query)
