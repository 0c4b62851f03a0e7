"""Updates of one filter at the same time: those that are answered with 200 are all in it, the others are refused."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http_client import Answer, HttpClient

FILTER = "/_ml/filters/contended"
AT_ONCE, ROUNDS = 12, 20
TOLD = "Error updating filter with id [contended] because it was modified while the update was in progress"


@pytest.fixture
def contended(client: HttpClient) -> Iterator[None]:
    client.delete(FILTER)
    assert client.put(FILTER, json_body={}).status == 200
    yield
    client.delete(FILTER)


def add(client: HttpClient, item: str) -> Answer:
    return client.post(f"{FILTER}/_update", json_body={"add_items": [item]})


@pytest.mark.usefixtures("contended")
def test_an_update_that_another_overtakes_is_refused(client: HttpClient) -> None:
    kept: set[str] = set()
    refused: list[Answer] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for turn in range(ROUNDS):
            items = [f"{turn}-{number}" for number in range(AT_ONCE)]
            answers = list(pool.map(lambda item: add(client, item), items))
            kept |= {item for item, answer in zip(items, answers, strict=True) if answer.status == 200}
            refused = [answer for answer in answers if answer.status != 200]
            if refused:
                break
    assert client.get(FILTER).json()["filters"][0]["items"] == sorted(kept)
    assert {(answer.status, answer.json()["error"]["reason"]) for answer in refused} == {(409, TOLD)}
