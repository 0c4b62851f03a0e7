"""What a run found, told three ways: lines for people, JSON, and JUnit XML for build servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from proxy.contract_kit.runner import Deviation, Outcome
from proxy.contract_kit.scenario import Request

_SUITE = "lanewatch contract"


@dataclass(frozen=True, slots=True)
class Report:
    """``left`` names what could not be removed, with a reason; ``broken_off`` says why the run has no end."""

    url: str
    product: str
    prefix: str
    outcomes: Sequence[Outcome]
    left: Sequence[str]
    broken_off: str | None

    @property
    def counts(self) -> Counter[str]:
        """Of scenarios, by verdict."""
        return Counter(outcome.verdict for outcome in self.outcomes)

    @property
    def held(self) -> int:
        return sum(outcome.held for outcome in self.outcomes)

    @property
    def deviating(self) -> int:
        return sum(len(outcome.deviations) for outcome in self.outcomes)


def line_of(outcome: Outcome) -> str:
    """One scenario, said as soon as it is over."""
    why = f" ({outcome.skipped[0]})" if outcome.verdict == "skipped" else ""
    return f"{outcome.verdict:9} {outcome.scenario.name}: {outcome.scenario.title}{why}"


def summary(report: Report) -> Iterator[str]:
    """The lines that end a run: deviations, what was skipped and why, what stays behind, and the sum."""
    for outcome in report.outcomes:
        for deviation in outcome.deviations:
            yield ""
            yield f"{outcome.scenario.name}, request {deviation.step}: {deviation.note}"
            yield f"  {shown(deviation.request)}"
            yield from (f"  {line}" for fault in deviation.faults for line in _fault_lines(str(fault)))
    reasons = Counter(_reason(text) for outcome in report.outcomes for text in outcome.skipped)
    if reasons:
        yield ""
        yield from (f"skipped {count} times: {reason}" for reason, count in reasons.most_common())
    yield from (f"left behind: {text}" for text in report.left)
    yield ""
    asked = report.held + report.deviating
    share = f"{100 * report.held / asked:.4g} %" if asked else "none"
    counts = report.counts
    begin = "" if report.broken_off is None else f"broken off ({report.broken_off}): "
    yield (
        f"{begin}{report.held} of {asked} requests hold ({share}); scenarios: {counts['holds']} hold, "
        f"{counts['deviates']} deviate, {counts['skipped']} skipped"
    )


def shown(request: Request) -> str:
    """A request on one line."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    body = request.body if request.body is not None else request.ndjson if request.ndjson is not None else request.text
    return f"{request.method} {request.path}{'?' + query if query else ''}{'' if body is None else f' {body}'}"


def _fault_lines(text: str) -> list[str]:
    return text.splitlines() or [""]


def _reason(text: str) -> str:
    """Without the number of the request."""
    return text.partition(": ")[2] if text.startswith("request ") else text


def as_json(report: Report) -> dict[str, Any]:
    return {
        "url": report.url,
        "product": report.product,
        "prefix": report.prefix,
        "broken_off": report.broken_off,
        "requests": {"hold": report.held, "deviate": report.deviating},
        "scenarios": {verdict: report.counts[verdict] for verdict in ("holds", "deviates", "skipped")},
        "left_behind": list(report.left),
        "outcomes": [_outcome_as_json(outcome) for outcome in report.outcomes],
    }


def _outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "scenario": outcome.scenario.name,
        "title": outcome.scenario.title,
        "operations": list(outcome.scenario.operations),
        "verdict": outcome.verdict,
        "seconds": round(outcome.seconds, 3),
        "requests_that_hold": outcome.held,
        "deviations": [_deviation_as_json(deviation) for deviation in outcome.deviations],
        "skipped": list(outcome.skipped),
    }


def _deviation_as_json(deviation: Deviation) -> dict[str, Any]:
    request = deviation.request
    sent = {"query": dict(request.query), "body": request.body, "ndjson": request.ndjson, "text": request.text}
    return {
        "request_number": deviation.step,
        "note": deviation.note,
        "request": {"method": request.method, "path": request.path}
        | {name: value for name, value in sent.items() if value},
        "faults": [{"where": fault.where, "expected": fault.expected, "got": fault.got} for fault in deviation.faults],
    }


def as_junit(report: Report) -> str:
    """A test case for each scenario, in the class of its topic."""
    counts = report.counts
    suite = ElementTree.Element(
        "testsuite",
        name=_SUITE,
        tests=str(len(report.outcomes)),
        failures=str(counts["deviates"]),
        skipped=str(counts["skipped"]),
        errors="0",
        time=f"{sum(outcome.seconds for outcome in report.outcomes):.3f}",
    )
    for outcome in report.outcomes:
        topic, _, name = outcome.scenario.name.partition("/")
        case = ElementTree.SubElement(suite, "testcase", classname=topic, name=name, time=f"{outcome.seconds:.3f}")
        for deviation in outcome.deviations:
            failure = ElementTree.SubElement(case, "failure", message=f"request {deviation.step}: {deviation.note}")
            failure.text = _printable("\n".join([shown(deviation.request), *map(str, deviation.faults)]))
        if outcome.verdict == "skipped":
            ElementTree.SubElement(case, "skipped", message="; ".join(outcome.skipped))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    """XML has no place for control characters, and answers may have any."""
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)
