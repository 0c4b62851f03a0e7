"""Carries out a scenario against an endpoint and says what came of it; removes afterwards what it made."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import Literal

from proxy.contract_kit.cleaning import made_by, remove, stop_upgrade_mode
from proxy.contract_kit.endpoint import Answer, ContractProblem, Endpoint
from proxy.contract_kit.expecting import faults_of_answer
from proxy.contract_kit.matching import Fault
from proxy.contract_kit.scenario import Request, Scenario, Step
from proxy.contract_kit.schema_check import schema_faults

_PAUSE_S = 0.2
_UPGRADE_MODE = "/_ml/set_upgrade_mode"
LANEWATCH = "lanewatch"

Verdict = Literal["holds", "deviates", "skipped"]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A step whose answer was not as expected."""

    step: int
    note: str
    request: Request
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one scenario. ``skipped`` names why it, or some of its steps, were not carried out; ``seconds`` it took."""

    scenario: Scenario
    held: int
    deviations: tuple[Deviation, ...]
    skipped: tuple[str, ...]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        if self.deviations:
            return "deviates"
        return "holds" if self.held else "skipped"


@dataclass(frozen=True, slots=True)
class Runner:
    """``cluster`` is what stands behind the endpoint, for the steps that go past it; ``alone``: nobody else uses it;
    ``product`` is `lanewatch` or any other; ``prefix`` begins the names of all that scenarios make.
    """

    endpoint: Endpoint
    cluster: Endpoint | None
    prefix: str
    alone: bool
    product: str

    def run(self, scenario: Scenario) -> Outcome:
        """
        Raises:
            ContractProblem: if the endpoint answers nothing any more
        """
        began = monotonic()
        reason = self._obstacle(scenario)
        if reason is not None:
            return Outcome(scenario, 0, (), (reason,), 0.0)
        made: set[str] = set()
        try:
            held, deviations, skipped = self._steps(scenario, made)
        finally:
            if any(step.request.path == _UPGRADE_MODE for step in scenario.steps):
                stop_upgrade_mode(self.endpoint)
            remove(self.endpoint, sorted(made))
        return Outcome(scenario, held, tuple(deviations), tuple(skipped), monotonic() - began)

    def _steps(self, scenario: Scenario, made: set[str]) -> tuple[int, list[Deviation], list[str]]:
        held, deviations, skipped = 0, [], []
        for step in scenario.steps:
            reason = self._obstacle(step)
            if reason is not None:
                skipped.append(f"request {step.number}: {reason}")
                continue
            faults = self._faults_in_time(step, made)
            if not faults:
                held += 1
                continue
            deviations.append(Deviation(step.number, step.note, step.request, tuple(faults)))
            if faults[0].where == "status" and step.status < 300 and step.request.method != "GET":
                skipped.append(f"all after request {step.number}: they need what it should have done")
                break
        return held, deviations, skipped

    def _obstacle(self, part: Scenario | Step) -> str | None:
        """Why a scenario or a step cannot be carried out here."""
        if part.alone is not None and not self.alone:
            return f"{part.alone} (--disruptive runs it)"
        if part.of is not None and part.of != self.product:
            return f"only {part.of} has it"
        steps = part.steps if isinstance(part, Scenario) else (part,)
        if self.cluster is None and any(step.request.to_cluster for step in steps):
            return "it writes past the endpoint into the cluster behind it (--cluster URL names that)"
        return None

    def _faults_in_time(self, step: Step, made: set[str]) -> list[Fault]:
        """A step with ``within_s`` is repeated so long until it is as expected, for what happens by itself."""
        last_s = monotonic() + step.within_s
        target = self.cluster if step.request.to_cluster and self.cluster is not None else self.endpoint
        made.update(made_by(step.request, None))
        while True:
            try:
                answer = target.send(step.request)
            except ContractProblem as problem:  # a fault of this request, unless nothing else is answered either
                return [Fault("status", str(step.status), str(problem))]
            made.update(made_by(step.request, answer))
            faults = faults_of_answer(step, answer)
            if not faults or monotonic() >= last_s:
                return faults + _schema_faults(step, answer)
            sleep(_PAUSE_S)


def _schema_faults(step: Step, answer: Answer) -> list[Fault]:
    if step.request.to_cluster:
        return []
    return [Fault("schema", "an answer of its schema", text) for text in schema_faults(step.request, answer)]
