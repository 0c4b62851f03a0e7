"""`lanewatch contract`: its arguments turned into a run of scenarios, told as it goes and reported at its end."""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path

from proxy.contract_kit.cleaning import sweep
from proxy.contract_kit.endpoint import ContractProblem, Endpoint, credentials, endpoint
from proxy.contract_kit.report import Report, as_json, as_junit, line_of, summary
from proxy.contract_kit.runner import LANEWATCH, Outcome, Runner
from proxy.contract_kit.scenario import Scenario, all_names, scenario

_EXIT_DEVIATES = 1
# Only we have Kibana's paths under the same address as the API.
_OURS_ALONE = "/api/alerting/_health"
_JOBS = "/_ml/anomaly_detectors"
_BY_USER = "interrupted"
_ELSEWHERE = "elasticsearch"


def run_contract(args: argparse.Namespace) -> int:
    """Returns 0 if nothing deviates.

    Raises:
        ContractProblem: if the endpoint gives no answer, or a report cannot be written
    """
    prefix = f"lw{secrets.token_hex(3)}-"
    chosen = [each for name in all_names() if (each := scenario(name, prefix)).is_named(args.only)]
    if args.list:
        for each in chosen:
            _say(f"{each.name:45} {each.title} ({', '.join(each.operations)})")
        return 0
    if not chosen:
        raise ContractProblem(f"no scenario is named [{', '.join(args.only)}]; --list names them all")
    runner = _runner(args, prefix)
    report = _run(runner, chosen)
    for line in summary(report):
        _say(line)
    if args.report:
        _write(args.report, json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n")
    if args.junit:
        _write(args.junit, as_junit(report))
    if report.broken_off == _BY_USER:
        raise KeyboardInterrupt
    return _EXIT_DEVIATES if report.deviating or report.left or report.broken_off else 0


def _runner(args: argparse.Namespace, prefix: str) -> Runner:
    headers = credentials(args.user, args.api_key)
    target, cluster = (
        endpoint(url, headers, ca_certs=args.ca_certs, insecure=args.insecure) if url else None
        for url in (args.url, args.cluster)
    )
    assert target is not None, "the address has a default"
    product = LANEWATCH if target.call("GET", _OURS_ALONE).status == 200 else _ELSEWHERE
    _refuse_what_cannot_be_asked(target, args.disruptive)
    _say(f"[{args.url}] is asked as {product}; names of all that is made begin with [{prefix}]")
    return Runner(target, cluster, prefix, alone=args.disruptive, product=product)


def _refuse_what_cannot_be_asked(target: Endpoint, disruptive: bool) -> None:
    jobs = target.call("GET", _JOBS)
    if jobs.status in (401, 403):
        raise ContractProblem(f"[{target.url}] refuses these credentials: {jobs.body.decode(errors='replace')[:300]}")
    body = jobs.parsed()
    if disruptive and isinstance(body, dict) and body.get("count"):
        raise ContractProblem(
            f"[{target.url}] has jobs, and [--disruptive] reads and changes all there are: use an endpoint without"
        )


def _run(runner: Runner, chosen: list[Scenario]) -> Report:
    """Whatever happens, what was made is removed; a run that is broken off is reported as far as it came."""
    outcomes: list[Outcome] = []
    broken_off = None
    try:
        for number, each in enumerate(chosen, start=1):
            outcomes.append(runner.run(each))
            _say(f"[{number}/{len(chosen)}] {line_of(outcomes[-1])}")
    except KeyboardInterrupt:
        broken_off = _BY_USER
        _say("broken off: removing what was made")
    except ContractProblem as problem:
        broken_off = str(problem)
    return Report(runner.endpoint.url, runner.product, runner.prefix, outcomes, _swept(runner), broken_off)


def _swept(runner: Runner) -> list[str]:
    try:
        return sweep(runner.endpoint, runner.prefix)
    except ContractProblem as problem:
        return [f"all whose names begin with [{runner.prefix}]: {problem}"]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ContractProblem(f"cannot write [{path}]: {error.strerror}") from error


def _say(text: str) -> None:
    print(text, flush=True)
