"""What users hear of searches that fail or bring nothing: each trouble once, then daily, then that it is over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.runtime.datafeeds.actions import Notify

_EXTRACTION = "Datafeed is encountering errors extracting data: {cause}"
_ANALYSIS = "Datafeed is encountering errors submitting data for analysis: {cause}"
_RECOVERED = "Datafeed has recovered data extraction and analysis"
_NO_DATA = "Datafeed has been retrieving no data for a while"
_DATA_AGAIN = "Datafeed has started retrieving data again"
_AUTO_STOPPED = (
    "Datafeed auto-stopped after {failures} consecutive real-time extraction failures. Last error: {cause}. "
    "Correct the cause and start the datafeed again"
)
_EMPTY_SEARCHES_TOLD = 10
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Problems:
    """The trouble told last and when, and how many searches in a row have failed since the last good one."""

    told: str | None = None
    told_ms: int = 0
    failures_in_a_row: int = 0


Told = tuple[Problems, tuple[Notify, ...]]


def extraction_failed(problems: Problems, cause: str, now_ms: int) -> Told:
    counted = replace(problems, failures_in_a_row=problems.failures_in_a_row + 1)
    return _tell(counted, _EXTRACTION.format(cause=cause), now_ms)


def analysis_failed(problems: Problems, cause: str, now_ms: int) -> Told:
    return _tell(replace(problems, failures_in_a_row=0), _ANALYSIS.format(cause=cause), now_ms)


def _tell(problems: Problems, text: str, now_ms: int) -> Told:
    if text == problems.told and now_ms - problems.told_ms < _DAY_MS:
        return problems, ()
    return replace(problems, told=text, told_ms=now_ms), (Notify("error", text),)


def recovered(problems: Problems) -> Told:
    """After a search without a problem."""
    return Problems(), () if problems.told is None else (Notify("info", _RECOVERED),)


def gave_up(failures: int, cause: str) -> Notify:
    return Notify("error", _AUTO_STOPPED.format(failures=failures, cause=cause))


def searched_in_vain(empty_searches: int, searches_a_day: int) -> tuple[Notify, ...]:
    """After so many searches in a row brought nothing: told at the tenth, then about daily."""
    is_daily = empty_searches > _EMPTY_SEARCHES_TOLD and empty_searches % searches_a_day == 0
    return (Notify("warning", _NO_DATA),) if empty_searches == _EMPTY_SEARCHES_TOLD or is_daily else ()


def data_are_back(empty_searches: int) -> tuple[Notify, ...]:
    """After a search brought data, and so many before it none."""
    return (Notify("info", _DATA_AGAIN),) if empty_searches >= _EMPTY_SEARCHES_TOLD else ()
