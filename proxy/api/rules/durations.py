"""Rules of time values inside bodies: their form, sign and granularity."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document
from proxy.errors import MlError, illegal_argument
from proxy.job_config.durations import NANOS_PER_SECOND, parse


def readable(document: Document, field: str) -> Iterator[Breach]:
    """The field, if given, is a time value."""
    if document.get(field) is not None:
        try:
            parse(document[field], field)
        except MlError as error:
            yield Breach(error, (field,), "value")


def whole_seconds(document: Document, field: str) -> Iterator[Breach]:
    duration = parse(document[field], field)
    if duration.nanos % NANOS_PER_SECOND:
        yield Breach(illegal_argument(f"{field} has to be a multiple of 1s; actual was '{duration.human}'"))


def positive(document: Document, field: str) -> Iterator[Breach]:
    duration = parse(document[field], field)
    if duration.nanos <= 0:
        yield Breach(illegal_argument(f"{field} cannot be less or equal than 0. Value = {duration.human}"))


def not_negative(document: Document, field: str) -> Iterator[Breach]:
    duration = parse(document[field], field)
    if duration.nanos < 0:
        yield Breach(illegal_argument(f"{field} cannot be less than 0. Value = {duration.human}"))
