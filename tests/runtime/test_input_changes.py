"""Calendars and filters at work: on jobs that are open, from the next bucket on, and on jobs opened later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB, SPAN_MS, START_MS, close, post

WILD_HOUR = 150
WILD = {
    "description": "a sale",
    "start_time": START_MS + WILD_HOUR * SPAN_MS,
    "end_time": START_MS + WILD_HOUR * SPAN_MS + 1,
}
RULE = {"actions": ["skip_result"], "scope": {"host": {"filter_id": "quiet-hosts"}}}
RULED = JOB["analysis_config"] | {"detectors": [JOB["analysis_config"]["detectors"][0] | {"custom_rules": [RULE]}]}

Opening = Callable[..., str]


@pytest.fixture
def open_job(client: HttpClient) -> Iterator[Opening]:
    """Makes and opens a job of the group ``shops``; it has seen all hours before the wild one."""
    made: list[str] = []

    def opened(job_id: str, **settings: object) -> str:
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
        put = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=JOB | {"groups": ["shops"]} | settings)
        assert put.status == 200, put.text
        made.append(job_id)
        assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200
        post(client, job_id, 0, WILD_HOUR)
        return job_id

    yield opened
    for job_id in made:
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


@pytest.fixture
def calendar(client: HttpClient) -> Iterator[Callable[..., str]]:
    """Makes a calendar with the wild hour in it."""
    made: list[str] = []

    def with_the_hour(calendar_id: str, *job_ids: str, **event: object) -> str:
        made.append(calendar_id)
        put = client.put(f"/_ml/calendars/{calendar_id}", json_body={"job_ids": list(job_ids)})
        assert put.status == 200, put.text
        posted = client.post(f"/_ml/calendars/{calendar_id}/events", json_body={"events": [WILD | event]})
        assert posted.status == 200, posted.text
        return calendar_id

    yield with_the_hour
    for calendar_id in made:
        client.delete(f"/_ml/calendars/{calendar_id}")


@pytest.fixture
def quiet_hosts(client: HttpClient) -> Iterator[None]:
    assert client.put("/_ml/filters/quiet-hosts", json_body={"items": ["z"]}).status == 200
    yield
    client.delete("/_ml/filters/quiet-hosts")


def of_the_wild_hour(client: HttpClient, job_id: str) -> tuple[list[str], list[str]]:
    """The hosts that are said to be anomalous then, and the events that are said to have been scheduled."""
    post(client, job_id, WILD_HOUR, WILD_HOUR + 6)
    close(client, job_id)
    path, start_ms = f"/_ml/anomaly_detectors/{job_id}/results", WILD["start_time"]
    query = {"start": start_ms, "end": start_ms + 1}
    records = client.get(f"{path}/records", query=query | {"record_score": 50}).json()["records"]
    [bucket] = client.get(f"{path}/buckets", query=query).json()["buckets"]
    return [record["partition_field_value"] for record in records], bucket.get("scheduled_events", [])


def messages(client: HttpClient, job_id: str) -> list[str]:
    client.post("/.ml-notifications-000002/_refresh")
    body = {"size": 100, "query": {"term": {"job_id": job_id}}}
    hits = client.post("/.ml-notifications-000002/_search", json_body=body).json()["hits"]["hits"]
    return [hit["_source"]["message"] for hit in hits]


def wait_for_message(client: HttpClient, job_id: str, text: str) -> None:
    for _ in range(50):
        if text in (told := messages(client, job_id)):
            return
        time.sleep(0.2)
    pytest.fail(f"{text!r} is not among {told}")


def test_an_anomaly_is_found_where_nothing_was_scheduled(client, open_job, calendar):
    calendar("elsewhere", "another-job", "another-group")
    assert of_the_wild_hour(client, open_job("unplanned")) == (["b"], [])


@pytest.mark.parametrize("named", ["planned", "shops", "_all"])
def test_an_anomaly_under_an_event_gives_no_record(client, open_job, calendar, named):
    open_job("planned")
    calendar("sales", named)
    assert of_the_wild_hour(client, "planned") == ([], ["a sale"])
    wait_for_message(client, "planned", "Updated calendars in running process")


def test_a_calendar_holds_for_jobs_that_are_opened_later(client, open_job, calendar):
    calendar("sales", "later")
    assert of_the_wild_hour(client, open_job("later")) == ([], ["a sale"])


def test_an_event_may_keep_the_results(client, open_job, calendar):
    calendar("sales", "shown", skip_result=False)
    assert of_the_wild_hour(client, open_job("shown")) == (["b"], ["a sale"])


def test_jobs_are_told_at_once_what_holds_no_longer(client, open_job, calendar):
    open_job("freed")
    calendar("sales", "freed")
    freed = client.delete("/_ml/calendars/sales/jobs/freed")
    assert freed.json() == {"calendar_id": "sales", "job_ids": []}
    assert of_the_wild_hour(client, "freed") == (["b"], [])


def test_an_event_is_deleted_from_its_own_calendar_alone(client, open_job, calendar):
    open_job("called-off")
    calendar("sales", "called-off")
    calendar("other", "nobody")
    [event] = client.get("/_ml/calendars/sales/events").json()["events"]
    refused = client.delete(f"/_ml/calendars/other/events/{event['event_id']}")
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        f"Event [{event['event_id']}] has calendar_id [sales] which does not match the request calendar_id [other]"
    )
    assert client.delete(f"/_ml/calendars/sales/events/{event['event_id']}").json() == {"acknowledged": True}
    assert of_the_wild_hour(client, "called-off") == (["b"], [])


def test_a_changed_filter_holds_from_the_next_bucket_on(client, quiet_hosts, open_job):
    open_job("filtered", analysis_config=RULED)
    changed = client.post(
        "/_ml/filters/quiet-hosts/_update", json_body={"add_items": ["b", "c"], "remove_items": ["z"]}
    )
    assert changed.json()["items"] == ["b", "c"]
    assert of_the_wild_hour(client, "filtered") == ([], [])
    wait_for_message(client, "filtered", "Updated filter [quiet-hosts] in running process")
    told = "Filter [quiet-hosts] has been modified; added items: ['b', 'c'], removed items: ['z']"
    assert told in messages(client, "filtered")


def test_a_rule_leaves_alone_what_is_not_in_its_filter(client, quiet_hosts, open_job):
    open_job("unfiltered", analysis_config=RULED)
    described = client.post("/_ml/filters/quiet-hosts/_update", json_body={"description": "no news for jobs"})
    assert described.json() == {"filter_id": "quiet-hosts", "description": "no news for jobs", "items": ["z"]}
    assert of_the_wild_hour(client, "unfiltered") == (["b"], [])
    assert not [told for told in messages(client, "unfiltered") if "ilter" in told]
