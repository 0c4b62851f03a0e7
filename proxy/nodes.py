"""`lanewatch nodes`: who leads and who follows, the places where models live, and draining them."""

from __future__ import annotations

import argparse
import time
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from proxy.transfer import Address, Refused, Server

_LOOK_EVERY_S = 1.0
_MEBIBYTE = 1 << 20


def run_nodes(args: argparse.Namespace) -> int:
    """Prints proxies and places; drains or resumes one first, and waits for its jobs to leave.

    Raises:
        Refused: the server does not do it.
    """
    if args.change is not None and args.place is None:
        raise Refused(f"[{args.change}] needs the name of a place; `lanewatch nodes` lists them", 0)
    with Server(Address(args.url, args.user, args.api_key, args.ca_certs)) as server:
        if args.change is not None:
            server.call("POST", f"/_ml/places/{quote(args.place, safe='')}/_{args.change}")
        while args.change == "drain" and not args.no_wait and _jobs_of(server, args.place):
            time.sleep(_LOOK_EVERY_S)
        found = server.call("GET", "/_ml/places")
        _print_proxies(found["proxies"])
        _print(found["places"])
    return 0


def _jobs_of(server: Server, name: str) -> int:
    return sum(place["jobs"] for place in server.call("GET", "/_ml/places")["places"] if place["name"] == name)


def _print_proxies(proxies: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="")
    for heading in ("proxy", "address", "role", "epoch"):
        table.add_column(heading)
    for proxy in proxies:
        table.add_row(proxy["name"], proxy["address"], proxy["role"], str(proxy["epoch"]))
    Console(highlight=False).print(table)


def _print(places: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="")
    for heading in ("place", "machine", "state"):
        table.add_column(heading)
    for heading in ("jobs", "models MB", "memory MB", "load"):
        table.add_column(heading, justify="right")
    for place in places:
        table.add_row(
            place["name"],
            place["host"] or "this one",
            place["state"],
            str(place["jobs"]),
            f"{place['model_bytes'] / _MEBIBYTE:.1f}",
            f"{place['memory_bytes'] / _MEBIBYTE:.0f}",
            f"{100 * place['load']:.0f} %",
        )
    Console(highlight=False).print(table)
