"""Files in every form become plans: what is made, under which names, and what is said of each item. Pure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.transfer.plan import Choices
from proxy.transfer.planning import plan
from proxy.transfer.shapes import Unreadable, read
from proxy.transfer.steps import steps
from proxy.transfer.surroundings import Surroundings, against

FILES = Path(__file__).parent / "files"
BESIDE = "calendars-and-filters.json"


def planned(*names, **choices):
    return plan(read([(FILES / name).read_text() for name in names]), Choices(**choices))


def notes_of(made):
    """By job: what is said of it and its datafeed, and whether that blocks it."""
    return {job.job_id: [(note.about, note.blocks, note.text) for note in job.notes] for job in made.jobs}


def test_an_export_of_kibana_is_made_as_it_is():
    (job,) = planned("kibana-one.json").jobs
    file = json.loads((FILES / "kibana-one.json").read_text())
    assert {**job.job, "job_id": job.job_id} == file["job"]
    assert job.datafeed == file["datafeed"]
    assert job.notes == ()


@pytest.mark.parametrize("name", ["kibana-several.json", "module-answer.json", "saved-objects.ndjson", "bare.json"])
def test_every_job_of_a_file_is_read(name):
    known = {
        "kibana-several.json": ["ruled", "summed", "computed", "texts"],
        "module-answer.json": ["visits", "senders"],
        "saved-objects.ndjson": ["visits", "senders"],
        "bare.json": ["bare", "posted"],
    }
    assert [job.job_id for job in planned(name).jobs] == known[name]


def test_placeholders_of_a_module_are_filled_by_its_index_and_the_new_names():
    visits, senders = planned("module-answer.json", prefix="eu-").jobs
    assert visits.job_id == "eu-visits"
    assert visits.job["description"] == "Visits of eu-visits"
    url = visits.job["custom_settings"]["custom_urls"][0]["url_value"]
    assert url == "discover#/?_a=(index:'answers-*')&job=eu-visits"
    assert visits.datafeed["datafeed_id"] == "datafeed-eu-visits"
    assert visits.datafeed["job_id"] == "eu-visits"
    assert senders.datafeed["indices"] == ["answers-*"]
    assert "indexes" not in senders.datafeed


def test_a_list_of_patterns_becomes_several_indices():
    made = planned("saved-objects.ndjson")
    assert made.jobs[0].datafeed["indices"] == ['logs-"quoted"-*', "metrics-*"]
    assert made.skipped == ("the saved object [nginx-overview] of type [dashboard] has no jobs",)


def test_placeholders_that_nothing_fills_are_named():
    made = notes_of(planned("module-without-index.json"))
    told = "nothing is known to put in the place of [INDEX_PATTERN_{}]: choose an index"
    assert ("job", True, told.format("ID")) in made["visits"]
    assert ("datafeed", True, told.format("NAME")) in made["visits"]
    assert made["senders"] == [("datafeed", True, told.format("NAME"))]
    assert not planned("module-without-index.json", index="mine").blocked()


def test_choices_change_every_job():
    query = {"match_all": {}}
    made = planned("kibana-several.json", prefix="p-", index="a,b", query=query, groups=("web", "new"))
    assert [job.job_id for job in made.jobs] == ["p-ruled", "p-summed", "p-computed", "p-texts"]
    for job in made.jobs:
        assert job.datafeed["indices"] == ["a", "b"]
        assert job.datafeed["query"] == query
        assert job.datafeed["datafeed_id"] == f"datafeed-{job.job_id}"
        assert job.job["groups"] == ["web", "new"]


def test_a_datafeed_whose_name_would_be_too_long_has_its_jobs():
    entry = {"job_id": "a" * 60, "analysis_config": {}, "datafeed_config": {"indices": ["i"]}}
    (job,) = plan(read([json.dumps(entry)]), Choices(prefix="p-")).jobs
    assert job.datafeed["datafeed_id"] == job.job_id == "p-" + "a" * 60


def test_a_bare_job_brings_its_datafeed_and_calendars_and_nothing_that_its_server_wrote():
    bare, posted = planned("bare.json").jobs
    assert not {"create_time", "job_version", "calendars", "datafeed_config"} & set(bare.job)
    assert bare.datafeed == {"indices": ["answers-*"], "query_delay": "90s", "datafeed_id": "bare", "job_id": "bare"}
    assert bare.calendars == ("holidays", "gone")
    assert posted.datafeed is None
    (listed,) = planned("api-answer.json").jobs
    assert listed.datafeed["datafeed_id"] == "feeds-listed"
    assert listed.notes == ()


def test_each_unsupported_thing_is_named_with_its_reason():
    made = notes_of(against(planned("unsupported.json"), Surroundings()))
    assert [text for _, _, text in made.pop("Capital Letters")] == [
        "the id [Capital Letters] is not allowed: up to 64 of a-z, 0-9, hyphens, underscores and dots, "
        "with a letter or digit at both ends"
    ]
    placeholder = "nothing is known to put in the place of [INDEX_PATTERN_{}]: choose an index"
    assert made == {
        "same": [("job", True, "another job [same] comes before it")],
        "future": [
            ("job", False, "[new_in_version_19] is left out: the API knows no such setting"),
            ("datafeed", False, "[project_routing] is left out: the API knows no such setting"),
        ],
        "aggregated": [
            ("datafeed", True, "its datafeed has aggregations, so the job needs a [summary_count_field_name]")
        ],
        "tiered": [
            (
                "datafeed",
                False,
                "its query asks for [_tier], which only clusters with Elastic's data tiers know: elsewhere no document "
                "matches",
            )
        ],
        "unfed": [("datafeed", True, "no index to read is named: choose one")],
        "patterned": [
            ("job", True, placeholder.format("ID")),
            ("datafeed", True, placeholder.format("NAME")),
        ],
        "scoped": [("job", True, "a rule needs the filter [nowhere], which neither the cluster nor the files have")],
        "misspelt": [],
    }


def test_what_exists_is_told_and_left():
    made = planned("kibana-several.json", BESIDE)
    there = Surroundings(
        jobs=frozenset({"ruled"}),
        datafeeds=frozenset({"datafeed-summed"}),
        filters=frozenset({"known-hosts"}),
        calendars=frozenset({"holidays"}),
    )
    beside = against(made, there)
    assert beside.blocked() == ["job [ruled]", "datafeed [datafeed-ruled]", "datafeed [datafeed-summed]"]
    assert [step.does for step in steps(beside)] == [
        "job [summed]",
        "job [computed]",
        "job [texts]",
        "datafeed [datafeed-computed]",
        "datafeed [texts]",
    ]


def test_a_filter_that_comes_along_is_made_before_the_job_that_needs_it():
    assert against(planned("kibana-several.json"), Surroundings()).blocked()[0] == "job [ruled]"
    made = against(planned(BESIDE, "kibana-several.json"), Surroundings())
    assert made.blocked() == []
    done = steps(made)
    assert [step.does for step in done][:2] == ["filter [known-hosts]", "job [ruled]"]
    assert done[1].needs == "filter [known-hosts]"
    assert [step.does for step in done][-2:] == ["calendar [holidays]", "events of calendar [holidays]"]


def test_calendars_follow_their_jobs_to_their_new_names():
    made = against(planned("kibana-several.json", "bare.json", BESIDE, prefix="p-"), Surroundings())
    calendar, events = steps(made)[-2:]
    # The job [bare] names the calendar itself; [web] is a group.
    assert calendar.body == {"job_ids": ["p-ruled", "web", "p-bare"], "description": "Feiertage 祝日"}
    assert not any({"event_id", "calendar_id"} & set(event) for event in events.body["events"])


def test_jobs_are_put_into_a_calendar_that_exists():
    made = against(planned("bare.json"), Surroundings(calendars=frozenset({"holidays"})))
    last = steps(made)[-1]
    assert (last.method, last.path, last.body) == ("PUT", "/_ml/calendars/holidays/jobs/bare", None)
    assert ("job", False, "it was in the calendar [gone], which neither the cluster nor the files have") in notes_of(
        made
    )["bare"]


def test_a_start_opens_the_job_first_and_waits_for_its_datafeed():
    opened, started = steps(planned("kibana-one.json"), start=True)[-2:]
    assert opened.needs == "datafeed [feeds-answers]"
    assert started.needs == opened.does
    assert started.path == "/_ml/datafeeds/feeds-answers/_start?start=0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is no JSON: "),
        ("[" * 100_000, "its lists and objects nest too deep"),
        ("{\n" + "[" * 100_000, "it is no JSON: "),
        ("[]", "there are no jobs in it"),
        ("7", "entry 1 is no object"),
        ("[{}]", "entry 1 has no job_id"),
        ('{"job": null}', "entry 1 has no job_id"),
        ('{"job_id": "a"}', "the job [a] has no analysis_config"),
        ('{"jobs": [1]}', "job 1 of a list is no object"),
        ('{"jobs": [{"id": "a", "config": 1}]}', "the job [a] has no analysis_config"),
        ('{"filters": [{"items": []}]}', "one of the filters has no filter_id"),
        ('{"attributes": {}, "type": "dashboard"}\n{"exportedCount": 1}', "there are no jobs in it"),
    ],
)
def test_what_has_no_jobs_is_told_in_a_sentence(text, told):
    with pytest.raises(Unreadable) as refused:
        read([text])
    assert str(refused.value).startswith(told)
