"""What a job works with besides its data: configuration, filters, calendar events and the aliases that it writes to.

Put together in one place, whenever a job is opened, taken up again or updated; made into an engine where its model
lives (``place``). The documents themselves are the store's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # where a model lives, the store's client is not loaded for these types
    from proxy.store.client import Json
    from proxy.store.names import Names

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


class FiltersAndCalendars(Protocol):
    """Where the filters and the calendar events of a job are stored."""

    async def filters(self, filter_ids: Sequence[str]) -> Filters:
        """The items of those of the filters that exist."""
        ...

    async def events(self, job_id: str, groups: Sequence[str]) -> Events:
        """The events of every calendar that names the job or one of its groups."""
        ...


class NothingStored:
    """For as long as neither filters nor calendars can be stored."""

    async def filters(self, filter_ids: Sequence[str]) -> Filters:
        return {}

    async def events(self, job_id: str, groups: Sequence[str]) -> Events:
        return ()


_NOTHING_STORED = NothingStored()


async def gather_inputs(
    names: Names, configuration: Mapping[str, Json], stored: FiltersAndCalendars = _NOTHING_STORED
) -> JobInputs:
    """All that a job with this configuration works with, as it is stored now.

    Raises:
        MlError: where the cluster cannot tell.
    """
    job_id = str(configuration["job_id"])
    return JobInputs(
        job_id=job_id,
        configuration=configuration,
        filters=await stored.filters(filter_ids(configuration)),
        calendar_events=await stored.events(job_id, configuration.get("groups", ())),
        write_alias=names.write_alias(job_id),
        annotations_alias=names.indices.annotations_write_alias,
    )


def filter_ids(configuration: Mapping[str, Json]) -> list[str]:
    """The filters that the custom rules of a job's detectors name, each once, in the order of their ids."""
    detectors = configuration["analysis_config"]["detectors"]
    rules = [rule for detector in detectors for rule in detector.get("custom_rules", ())]
    return sorted({scope["filter_id"] for rule in rules for scope in rule.get("scope", {}).values()})
