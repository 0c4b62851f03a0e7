"""Documents that users name: chosen by expressions, and changed on the condition that nobody else was faster."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from proxy.errors import MlError
from proxy.store.calendars import Calendar, Calendars, without_jobs
from proxy.store.filters import Filters, filter_of
from proxy.store.named_documents import Chosen, chosen
from proxy.store.results.queries import Page

KNOWN = ["b-2", "a", "b-1"]


@pytest.mark.parametrize(
    ("expression", "ids", "missing"),
    [
        ("", ["a", "b-1", "b-2"], []),
        ("_all", ["a", "b-1", "b-2"], []),
        ("b-*", ["b-1", "b-2"], []),
        ("b-2,a,b-*", ["a", "b-1", "b-2"], []),
        ("x*", [], []),
        ("x,a,y", ["a"], ["x", "y"]),
        ("*,x", ["a", "b-1", "b-2"], ["x"]),
    ],
)
def test_an_expression_names_each_once_and_says_what_it_misses(expression, ids, missing):
    is_exact = not (set(expression) & {"*"} or expression in ("", "_all"))
    assert chosen(expression.split(","), KNOWN) == Chosen(ids, missing, is_exact)


@pytest.fixture
def filters(loop, store_client, names, make_index) -> Filters:
    make_index(names.config, "config", names.config_alias)
    return Filters(store_client, names)


@pytest.fixture
def calendars(loop, store_client, names, make_index) -> Calendars:
    make_index(names.config, "config", names.config_alias)
    return Calendars(store_client, names)


async def test_without_an_index_there_is_nothing(loop, store_client, names):
    assert await Filters(store_client, names).page(None, Page()) == (0, [], [])
    assert await Filters(store_client, names).page("f", Page()) == (0, [], ["f"])
    assert await Calendars(store_client, names).events_of("job", []) == []


async def test_a_filter_that_others_changed_is_not_overwritten(filters):
    assert await filters.create(filter_of("f", ["a"], None))
    assert not await filters.create(filter_of("f", ["b"], None))
    former = await filters.find("f")
    assert await filters.replace(former, filter_of("f", ["theirs"], None))
    assert not await filters.replace(former, filter_of("f", ["mine"], None))
    assert await filters.items_of(["f", "none"]) == {"f": ["theirs"]}
    stale = await filters.find("f")
    assert await filters.delete("f")
    assert not await filters.replace(stale, filter_of("f", ["back"], None)), "it is not made anew"
    assert await filters.find("f") is None
    assert not await filters.delete("f")


async def test_what_several_change_at_once_is_all_there(calendars):
    assert await calendars.create(Calendar("c", ()))

    def with_job(job_id: str):
        return lambda calendar: replace(calendar, job_ids=(*calendar.job_ids, job_id))

    await asyncio.gather(*(calendars.change("c", with_job(f"job-{number}")) for number in range(3)))
    assert sorted((await calendars.get("c")).job_ids) == ["job-0", "job-1", "job-2"]


async def test_events_are_those_of_the_job_its_groups_and_all_jobs(calendars):
    for number, job_ids in enumerate([("job",), ("group",), ("_all",), ("other",), ("job", "group")]):
        event = {"event_id": f"e{number}", "description": f"{number}", "start_time": 10 - number, "end_time": 20}
        await calendars.create(Calendar(f"c{number}", job_ids, events=(event,)))
    found = [event["description"] for event in await calendars.events_of("job", ["group"])]
    assert found == ["4", "2", "1", "0"], "by time, and each calendar once"
    await calendars.forget_job("job")
    assert [event["description"] for event in await calendars.events_of("job", [])] == ["2"]
    assert (await calendars.get("c4")).job_ids == ("group",)
    assert await calendars.calendar_of_event("e3") == "c3"
    assert await calendars.calendar_of_event("e9") is None


async def test_a_calendar_that_is_gone_is_not_changed(calendars):
    with pytest.raises(MlError) as refused:
        await calendars.change("gone", lambda calendar: without_jobs(calendar, []))
    assert (refused.value.status, refused.value.reason) == (404, "No calendar with id [gone]")
