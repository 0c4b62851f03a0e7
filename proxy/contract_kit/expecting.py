"""What a step expects of an answer: status, body, headers, what must be absent, and the order of keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.contract_kit.endpoint import Answer
from proxy.contract_kit.matching import Fault, at, fault, mismatches
from proxy.contract_kit.scenario import Step

_SHOWN = 2000


def faults_of_answer(step: Step, answer: Answer) -> list[Fault]:
    """Where the answer is not as the step says; of another status only that is told, with what came."""
    if answer.status != step.status:
        said = answer.body.decode(errors="replace")[:_SHOWN]
        return [Fault("status", str(step.status), f"{answer.status}: {said}")]
    body = answer.parsed()
    return [*mismatches(step.response, body), *_present(step, body), *_headers(step, answer), *_keys(step, body)]


def _present(step: Step, body: Any) -> Iterator[Fault]:
    for dotted in step.absent:
        try:
            yield Fault(f"response.{dotted}", "nothing", repr(at(body, dotted)))
        except KeyError:
            continue


def _headers(step: Step, answer: Answer) -> Iterator[Fault]:
    for name, part in step.headers.items():
        values = answer.headers.get_all(name) or []
        if not any(part in value for value in values):
            yield Fault(f"header {name}", f"one with {part!r}", repr(values))


def _keys(step: Step, body: Any) -> Iterator[Fault]:
    for dotted, keys in step.keys.items():
        try:
            found = list(at(body, dotted))
        except (KeyError, TypeError):
            yield fault(f"keys of response.{dotted}", keys, body)
            continue
        if found != keys:
            yield fault(f"keys of response.{dotted}", keys, found)
