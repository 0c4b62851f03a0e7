"""`lanewatch import` and `lanewatch export`: their arguments turned into the work of this package, told as text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from proxy.transfer.carrying_out import carried_out, tried_out
from proxy.transfer.exporting import Exported, beside, exported
from proxy.transfer.facts import facts
from proxy.transfer.plan import Choices, Plan
from proxy.transfer.planning import plan
from proxy.transfer.ready_made import ready_made, ready_made_text
from proxy.transfer.server import Address, Server
from proxy.transfer.shapes import Unreadable, read
from proxy.transfer.steps import steps
from proxy.transfer.table import print_plan

_EXIT_PROBLEM = 1
_STDIN = "-"


def run_import(args: argparse.Namespace) -> int:
    """Returns 0 if all is made, or would be in a dry run.

    Raises:
        Unreadable: if a file has no jobs
        Refused: if the server does not answer
    """
    if args.list:
        return _list_ready_made()
    choices = Choices(prefix=args.prefix, index=args.index, query=_query(args.query), groups=tuple(args.group))
    planned = plan(read(_texts(args)), choices)
    with Server(_address(args)) as server:
        tried = tried_out(planned, server)
        console = Console(width=None if sys.stdout.isatty() else 140)
        print_plan(tried, console)
        todo = steps(tried, start=args.start)
        if args.dry_run or not _is_agreed(args, len(todo)):
            return _EXIT_PROBLEM if tried.blocked() else 0
        failed = carried_out(todo, server, lambda line: print(line, flush=True))
    return _told(tried, len(todo), failed)


def _told(tried: Plan, count: int, failed: list[str]) -> int:
    blocked = tried.blocked()
    print(
        f"{count - len(failed)} of {count} done"
        + (f", {len(blocked)} not tried: {', '.join(blocked)}" if blocked else "")
    )
    if failed:
        print(f"lanewatch: not done: {', '.join(failed)}", file=sys.stderr)
    return _EXIT_PROBLEM if failed or blocked else 0


def _list_ready_made() -> int:
    for name in facts().ready_made:
        module = ready_made(name)
        print(f"{name:18}{module['title']} (index {module['defaultIndexPattern']})")
        for job in module["jobs"]:
            print(f"  {job['id']:30}{job['config']['description']}")
    return 0


def _texts(args: argparse.Namespace) -> list[str]:
    texts = [ready_made_text(name) for name in args.ready_made]
    for name in args.files:
        try:
            texts.append(sys.stdin.read() if name == _STDIN else Path(name).read_text(encoding="utf-8-sig"))
            read([texts[-1]])
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            raise Unreadable(f"cannot import [{name}]: {error}") from error
    if not texts:
        raise Unreadable("nothing to import: give a FILE, - for standard input, or --ready-made NAME")
    return texts


def _query(text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    try:
        query = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"[--query] is no JSON: {error}") from error
    if not isinstance(query, dict):
        raise Unreadable('[--query] must be an object, for instance {"match_all": {}}')
    return query


def _is_agreed(args: argparse.Namespace, count: int) -> bool:
    """By ``--yes``, or asked where a person can answer."""
    if args.yes or count == 0:
        return bool(args.yes)
    if _STDIN in args.files or not sys.stdin.isatty():
        print("Nothing is made yet: --yes makes it.")
        return False
    return input("Make all that is possible? [y/N] ").strip().lower() in ("y", "yes")


def run_export(args: argparse.Namespace) -> int:
    """
    Raises:
        Refused: if a job is not there or the server does not answer
        Unreadable: if the arguments do not go together or a file cannot be written
    """
    if args.with_calendars_and_filters and args.output is None:
        raise Unreadable("[--with-calendars-and-filters] needs [-o FILE], beside which it writes a second file")
    with Server(_address(args)) as server:
        found = exported(server, args.ids, in_full=args.with_calendars_and_filters)
    if args.output is None:
        sys.stdout.write(found.jobs_text())
    else:
        _write(args.output, found.jobs_text())
    if found.filters or found.calendars:
        _tell_beside(args, found)
    return 0


def _tell_beside(args: argparse.Namespace, found: Exported) -> None:
    if args.with_calendars_and_filters:
        _write(beside(args.output), found.beside_text())
        return
    names = [f"filter [{each['filter_id']}]" for each in found.filters]
    names += [f"calendar [{each['calendar_id']}]" for each in found.calendars]
    print(f"Not in it: {', '.join(names)} (--with-calendars-and-filters writes them beside it)", file=sys.stderr)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unreadable(f"cannot write [{path}]: {error.strerror}") from error
    print(f"wrote {path}", file=sys.stderr)


def _address(args: argparse.Namespace) -> Address:
    return Address(args.url, args.user, args.api_key, args.ca_certs)
