"""The command `lanewatch`: its arguments and its exit codes. What the subcommands do is in commands.py."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from proxy import __version__

EXIT_UNREAD = 1
EXIT_INTERRUPTED = 130


class Stopped(KeyboardInterrupt):
    """SIGTERM came before or after the loop that handles it; unwinds as Ctrl-C does."""


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, raise_stopped)
    try:
        # Only here: the engine and the clients take a second to load, which --help and --version need not wait for.
        from proxy import commands

        return commands.run(args)
    except Stopped:
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` does; what Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNREAD


def raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lanewatch", description="Elasticsearch's anomaly-detection API in front of any Elasticsearch."
    )
    parser.add_argument("--version", action="version", version=f"lanewatch {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    serve = add_command(commands, "serve", "the proxy alone, in front of a cluster that runs already")
    up = add_command(commands, "up", "a local Elasticsearch and the proxy before it, until Ctrl-C")
    story = add_command(commands, "demo", "what went wrong in a year of real flights, then goes on serving")
    check = add_command(commands, "check-config", "check the settings and print those in force")
    deployment = add_command(commands, "check", "say what is wrong with a deployment; exit code 1 if something is")
    deployment.add_argument("--json", action="store_true", help="the findings as a JSON list")
    bringing = add_command(
        commands, "import", "make jobs from files of Kibana's, or ready-made ones; a dry run comes first"
    )
    add_import_options(bringing)
    taking = add_command(commands, "export", "write jobs as files that Kibana and `import` read")
    add_export_options(taking)
    kit = add_command(commands, "contract", "ask an endpoint whether it behaves as the documented API, and report")
    add_contract_options(kit)
    nodes = add_command(
        commands, "nodes", "show proxies and the places of their models, or move all jobs of a place to others"
    )
    add_nodes_options(nodes)
    for command in (bringing, taking, kit, nodes):
        add_client_options(command)
    add_command(commands, "routes", "print the operations and their paths")
    described = add_command(commands, "openapi", "print the whole API as an OpenAPI 3.1 document")
    described.add_argument(
        "--usual-forms", action="store_true", help="for generators of clients: each value in one form only"
    )
    nginx = add_command(commands, "nginx-config", "print an nginx server that sends us only ML calls")
    nginx.add_argument("--listen", metavar="ADDRESS", default="9200", help="what nginx listens on (default 9200)")
    for command in (serve, up, story, check, deployment, nginx):
        add_config_options(command)
    for command in (serve, up, story, deployment, nginx):
        add_server_options(command)
    for command in (up, story):
        add_cluster_options(command)
    for command in (serve, up):
        command.add_argument(
            "--nginx", action="store_true", help="run an nginx on that port, which costs what is not ML almost nothing"
        )
    story.add_argument("--exit", action="store_true", help="end after the report instead of serving on")
    return parser


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="your settings; those not in it keep their defaults")


def add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (server.host)")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on, 0 for a free one (server.port)")
    parser.add_argument(
        "--elasticsearch",
        action="append",
        metavar="URL",
        help="the cluster behind the proxy (elasticsearch.hosts); may be repeated for its nodes",
    )


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--es-port", type=int, default=0, metavar="N", help="port of the local Elasticsearch")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder that keeps the local Elasticsearch's data; else temporary"
    )
    parser.add_argument(
        "--version", metavar="V", help="version of the local Elasticsearch (cluster.version)", dest="es_version"
    )


def add_import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="an export of Kibana's or of ours with its calendars and filters, a module's answer, ml-module saved "
        "objects, bare jobs; JSON or NDJSON, - for standard input",
    )
    parser.add_argument("--list", action="store_true", help="list the ready-made jobs, and end")
    parser.add_argument(
        "--ready-made", action="append", default=[], metavar="NAME", help="jobs that come with Lanewatch; repeatable"
    )
    parser.add_argument("--prefix", default="", help="goes before every job's name")
    parser.add_argument("--index", metavar="PATTERN", help="what the datafeeds read, instead of what they name")
    parser.add_argument("--query", metavar="JSON", help="the query of the datafeeds, instead of their own")
    parser.add_argument("--group", action="append", default=[], metavar="NAME", help="add the jobs to it; repeatable")
    parser.add_argument("--start", action="store_true", help="open the jobs and start their datafeeds")
    agreement = parser.add_mutually_exclusive_group()
    agreement.add_argument(
        "--dry-run", action="store_true", help="only tell what would be made; exit code 1 if not all"
    )
    agreement.add_argument("--yes", action="store_true", help="make all that is possible without asking")


def add_export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="jobs, groups, wildcards; all jobs if there are none")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of standard output")
    parser.add_argument(
        "--with-calendars-and-filters",
        action="store_true",
        help="write those that belong to the jobs into FILE.calendars-and-filters.json, which `import` reads as well",
    )


def add_contract_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="scenarios or operations of it; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios, and end")
    parser.add_argument(
        "--disruptive",
        action="store_true",
        help="run also what reads or changes the whole endpoint: nobody else may use it, and it has no jobs",
    )
    parser.add_argument("--cluster", metavar="URL", help="the cluster behind the endpoint, for what is written past it")
    parser.add_argument("--insecure", action="store_true", help="trust every certificate")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what came of it as JSON")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write what came of it as JUnit XML")


def add_nodes_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "change", nargs="?", choices=("drain", "resume"), help="move a place's jobs to others; or give it jobs again"
    )
    parser.add_argument("place", nargs="?", metavar="PLACE", help="the place's name")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until a drained place has no job left")


def add_client_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default="http://127.0.0.1:9280",
        help="the Lanewatch, or Elasticsearch, to talk to (default %(default)s)",
    )
    parser.add_argument(
        "--user", metavar="NAME[:PASSWORD]", help="whose rights to use; asks for a password if it has none"
    )
    parser.add_argument("--api-key", metavar="KEY", help="instead of a user, in its encoded form")
    parser.add_argument("--ca-certs", metavar="FILE", help="certificate authorities to trust instead of the system's")
