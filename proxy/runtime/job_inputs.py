"""What a job works with besides its data: configuration, filters, calendar events and the aliases that it writes to.

Put together in one place, whenever a job is opened, taken up again or updated; made into an engine where its model
lives (``place``). The documents themselves are the store's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.errors import not_found

if TYPE_CHECKING:  # where a model lives, the store's client is not loaded for these types
    from proxy.store.client import Json

Filters = Mapping[str, Sequence[str]]
Events = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class JobInputs:
    """Plain picklable data.

    ``configuration`` is the stored job document; ``filters`` are items by filter id; ``calendar_events`` are the API's
    events, with times in epoch milliseconds.
    """

    job_id: str
    configuration: Mapping[str, Json]
    filters: Filters
    calendar_events: Events
    write_alias: str
    annotations_alias: str
    state_alias: str


class StoredFilters(Protocol):
    async def items_of(self, filter_ids: Sequence[str]) -> Filters:
        """The items of those of the filters that exist."""
        ...


class StoredCalendars(Protocol):
    async def events_of(self, job_id: str, groups: Sequence[str]) -> Events:
        """The events of every calendar that names the job, one of its groups, or all jobs."""
        ...


class Targets(Protocol):
    async def targets(self, job_id: str, results_index_name: str) -> tuple[str, str, str]:
        """What a job's results, its annotations and its state are written through."""
        ...


class StoredInputs(Protocol):
    """Where the filters and the calendar events of jobs are stored, and their results: the store, or a part of it."""

    @property
    def indices(self) -> Targets: ...

    @property
    def filters(self) -> StoredFilters: ...

    @property
    def calendars(self) -> StoredCalendars: ...


async def gather_inputs(stored: StoredInputs, configuration: Mapping[str, Json]) -> JobInputs:
    """All that a job with this configuration works with, as it is stored now.

    Raises:
        MlError: where the cluster cannot tell.
    """
    job_id = str(configuration["job_id"])
    results, annotations, state = await stored.indices.targets(job_id, configuration["results_index_name"])
    return JobInputs(
        job_id=job_id,
        configuration=configuration,
        filters=await stored.filters.items_of(filter_ids(configuration)),
        calendar_events=await stored.calendars.events_of(job_id, configuration.get("groups", ())),
        write_alias=results,
        annotations_alias=annotations,
        state_alias=state,
    )


def check_filters_exist(inputs: JobInputs) -> None:
    """
    Raises:
        MlError: 404 where a custom rule names a filter that is not there: it would hold for all values, or for none.
    """
    missing = [each for each in filter_ids(inputs.configuration) if each not in inputs.filters]
    if missing:
        named = ", ".join(missing)
        raise not_found(f"Cannot open job [{inputs.job_id}] because filters of its rules do not exist: [{named}]")


def filter_ids(configuration: Mapping[str, Json]) -> list[str]:
    """The filters that the custom rules of a job's detectors name, each once, in the order of their ids."""
    detectors = configuration["analysis_config"]["detectors"]
    rules = [rule for detector in detectors for rule in detector.get("custom_rules", ())]
    return sorted({scope["filter_id"] for rule in rules for scope in rule.get("scope", {}).values()})
