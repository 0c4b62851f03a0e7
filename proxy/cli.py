"""The command `lanewatch`: its arguments, and one sentence on stderr with exit code 1 where something is amiss.

Each subcommand is one function here; what it starts lives in serving.py, cluster/ and demo/.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import yaml

from proxy import __version__, demo
from proxy.api.access import privilege_for
from proxy.api.routes import OPERATIONS
from proxy.cluster.at_hand import cluster_at_hand
from proxy.cluster.problem import ClusterProblem
from proxy.config import Config, ConfigError
from proxy.config_loading import SECRET_KEYS, load_config, load_settings
from proxy.nginx import nginx_config
from proxy.schemas import shipped_schemas
from proxy.serving import AddressProblem, refuse_used_address, serve_until_stopped, url_host

Command = Callable[[argparse.Namespace], int]
EXIT_PROBLEM = 1
EXIT_INTERRUPTED = 130


class Stopped(KeyboardInterrupt):
    """SIGTERM came before or after the loop that handles it; unwinds as Ctrl-C does."""


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, raise_stopped)
    try:
        return args.command(args)
    except (AddressProblem, ClusterProblem, ConfigError) as problem:
        print(f"lanewatch: {problem}", file=sys.stderr)
        return EXIT_PROBLEM
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
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serve = add_command(commands, "serve", run_serve, "the proxy alone, in front of a cluster that runs already")
    up = add_command(commands, "up", run_up, "a local Elasticsearch and the proxy before it, until Ctrl-C")
    story = add_command(commands, "demo", run_demo, "what went wrong in a year of real flights, then goes on serving")
    check = add_command(commands, "check-config", run_check_config, "check the settings and print those in force")
    add_command(commands, "routes", run_routes, "print the operations and their paths")
    nginx = add_command(commands, "nginx-config", run_nginx_config, "print an nginx server that sends us only ML calls")
    nginx.add_argument("--listen", metavar="ADDRESS", default="9200", help="what nginx listens on (default 9200)")
    for command in (serve, up, story, check, nginx):
        add_config_options(command)
    for command in (serve, up, story, nginx):
        add_server_options(command)
    for command in (up, story):
        add_cluster_options(command)
    story.add_argument("--exit", action="store_true", help="end after the report instead of serving on")
    return parser


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, summary: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(command=command)
    return parser


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


def overrides_from(args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """The options of the command line that stand for settings, as settings."""
    options = {
        "server": {"host": args.host, "port": args.port},
        "elasticsearch": {"hosts": args.elasticsearch},
        "cluster": {"version": getattr(args, "es_version", None)},
    }
    return {
        section: {key: value for key, value in keys.items() if value is not None} for section, keys in options.items()
    }


def config_of(args: argparse.Namespace) -> Config:
    """The settings in force; sets up logging by them, as every command that serves needs both."""
    config = load_config(args.config, overrides=overrides_from(args))
    logging.basicConfig(level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if config.log.level != "debug":  # the cluster's client logs each request, and each retry with its traceback
        logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    return config


def say(text: str) -> None:
    print(text, flush=True)


def run_serve(args: argparse.Namespace) -> int:
    return serve_until_stopped(config_of(args), say)


def run_up(args: argparse.Namespace) -> int:
    config = config_of(args)
    refuse_used_address(config.server)
    with cluster_at_hand(config, data_dir=args.data, port=args.es_port, report=say) as cluster:
        return serve_until_stopped(cluster.config, say, node=cluster.node)


def run_demo(args: argparse.Namespace) -> int:
    return demo.run(args, config_of(args))


def run_check_config(args: argparse.Namespace) -> int:
    settings, given = load_settings(args.config)
    for section, keys in settings.items():
        say(f"{section}:")
        for key, value in keys.items():
            shown = "********" if key in SECRET_KEYS and value is not None else value
            written = yaml.safe_dump(shown, default_flow_style=True).splitlines()[0]
            say(f"  {key}: {written}{'  # yours' if f'{section}.{key}' in given else ''}")
    return 0


def run_routes(args: argparse.Namespace) -> int:
    schemas = shipped_schemas()
    for operation in OPERATIONS:
        say(f"{operation.name} ({privilege_for(schemas.action(operation.name))})")
        for route in operation.routes:
            say(f"  {route}")
    return 0


def run_nginx_config(args: argparse.Namespace) -> int:
    config = config_of(args)
    proxy = f"http://{url_host(config.server.host)}:{config.server.port}"
    try:
        say(nginx_config(listen=args.listen, proxy=proxy, nodes=config.elasticsearch.hosts))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return 0
