"""The command `lanewatch`: its arguments and its exit codes. What the subcommands do is in commands.py."""

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from proxy import __version__

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
    add_command(commands, "routes", "print the operations and their paths")
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
