"""What the subcommands of `lanewatch` do, one function each; what they start lives in serving.py, cluster/ and demo/.

Their arguments are cli.py's matter. Where something is amiss, that is one sentence on stderr and exit code 1.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

import yaml

from proxy import contract_kit, demo, openapi, transfer
from proxy.api.access import privilege_for
from proxy.api.routes import OPERATIONS
from proxy.check import check
from proxy.cluster.at_hand import cluster_at_hand
from proxy.cluster.problem import ClusterProblem
from proxy.config import Config, ConfigError
from proxy.config_loading import SECRET_KEYS, load_config, load_settings
from proxy.nginx import nginx_config
from proxy.nginx_process import NginxProblem
from proxy.nodes import run_nodes
from proxy.schemas import shipped_schemas
from proxy.serving import AddressProblem, refuse_used_address, serve_until_stopped, trusted_authorities, url_host

EXIT_PROBLEM = 1
# What one sentence tells, as its text.
PROBLEMS = (
    *(AddressProblem, ClusterProblem, ConfigError, NginxProblem),
    *(contract_kit.ContractProblem, transfer.Refused, transfer.Unreadable),
)


def run(args: argparse.Namespace) -> int:
    """Runs the chosen command; returns the exit code."""
    try:
        return COMMANDS[args.command](args)
    except PROBLEMS as problem:
        print(f"lanewatch: {problem}", file=sys.stderr)
        return EXIT_PROBLEM


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
    return serve_until_stopped(config_of(args), say, nginx=args.nginx)


def run_up(args: argparse.Namespace) -> int:
    config = config_of(args)
    refuse_used_address(config.server)
    with cluster_at_hand(config, data_dir=args.data, port=args.es_port, report=say) as cluster:
        return serve_until_stopped(cluster.config, say, node=cluster.node, nginx=args.nginx)


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


def run_check(args: argparse.Namespace) -> int:
    config = load_config(args.config, overrides=overrides_from(args))
    logging.disable()  # what goes wrong is what is found
    try:
        findings = asyncio.run(check(config))
    finally:
        logging.disable(logging.NOTSET)
    if args.json:
        say(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            advice = f": {finding.advice}" if finding.advice else ""
            say(f"{finding.level:8}{finding.check:13}{finding.text}{advice}")
    return EXIT_PROBLEM if any(finding.level == "error" for finding in findings) else 0


def run_routes(args: argparse.Namespace) -> int:
    schemas = shipped_schemas()
    for operation in OPERATIONS:
        say(f"{operation.name} ({privilege_for(schemas.action(operation.name))})")
        for route in operation.routes:
            say(f"  {route}")
    return 0


def run_openapi(args: argparse.Namespace) -> int:
    say(json.dumps(openapi.document(in_usual_forms=args.usual_forms), indent=2))
    return 0


def run_nginx_config(args: argparse.Namespace) -> int:
    config = config_of(args)
    proxy = f"http://{url_host(config.server.host)}:{config.server.port}"
    try:
        nodes = config.elasticsearch.hosts
        verify = trusted_authorities(config.elasticsearch) if nodes[0].startswith("https") else None
        text = nginx_config(
            listen=args.listen,
            proxy=proxy,
            nodes=nodes,
            limits=config.server,
            page_path=config.page.path,
            verify=verify,
        )
        say(text)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "serve": run_serve,
    "up": run_up,
    "demo": run_demo,
    "check-config": run_check_config,
    "check": run_check,
    "contract": contract_kit.run_contract,
    "import": transfer.run_import,
    "export": transfer.run_export,
    "nodes": run_nodes,
    "routes": run_routes,
    "openapi": run_openapi,
    "nginx-config": run_nginx_config,
}
