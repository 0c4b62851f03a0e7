"""Values of special field types in the form in which a job reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from proxy.store.extraction.errors import unreadable

_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+([^\s)]+)[^)]*\)\s*", re.IGNORECASE)

Convert = Callable[[object], object]


def milliseconds(value: object) -> object:
    """A date as whole epoch milliseconds; one in nanoseconds comes with a fraction of them."""
    text = str(value)
    whole, _, _ = text.partition(".")
    try:
        return int(whole)
    except ValueError:
        return value


def latitude_longitude(value: object) -> object:
    """A point as `lat,lon`: the cluster says `lat, lon`, WKT or GeoJSON, the last two with the longitude first.

    Raises:
        ExtractionError: a shape that is no point.
    """
    if isinstance(value, Mapping):
        kind, coordinates = str(value.get("type", "")), value.get("coordinates")
        if kind.lower() == "point" and isinstance(coordinates, list) and len(coordinates) >= 2:
            return f"{coordinates[1]},{coordinates[0]}"
    elif isinstance(value, str):
        if found := _POINT.fullmatch(value):
            return f"{found[2]},{found[1]}"
        latitude, comma, longitude = value.partition(",")
        if comma:
            return f"{latitude.strip()},{longitude.strip()}"
    raise unreadable(f"Unexpected value for a geo_shape field: {value}")


# By the type that the cluster names; all others stay as they are.
BY_TYPE: dict[str, Convert] = {
    "date": milliseconds,
    "date_nanos": milliseconds,
    "geo_point": latitude_longitude,
    "geo_shape": latitude_longitude,
}
EPOCH_MILLIS_TYPES = frozenset({"date", "date_nanos"})
SOURCE_TYPES = frozenset({"geo_shape"})
