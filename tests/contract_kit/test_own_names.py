"""Which words of a scenario are names, and where they become a run's own."""

import re
from typing import Any
from urllib.parse import unquote

import pytest

from proxy.contract_kit.own_names import own_name, with_own_names
from proxy.contract_kit.scenario import FOLDER, all_names, scenario, written_in

PREFIX = "own-"
# Belongs to all who use an endpoint, by method and path.
OF_ALL = re.compile(
    r"(?:GET|POST|DELETE) (?:/_xpack/ml|/_ml|/_cat/ml)/(?:anomaly_detectors|datafeeds|calendars|filters)"
    r"(?:/?$|/(?:_all|\*)(?:/|$)|/_stats$)"
    r"|GET /api/alerting/rules/_find"
    r"|.* /_ml/set_upgrade_mode"
    r"|DELETE /_ml/_delete_expired_data/?$"
)
# Parts of paths that are no ids, and ids that are refused for their form.
NO_ID = re.compile(r"_.*|.*[A-Z/].*|-.*|.{65,}|.")


def step(**request: Any) -> dict[str, Any]:
    return {"request": {"method": "PUT", "path": "/_ml/filters/safe", **request}}


def renamed(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return with_own_names({"steps": list(steps)}, PREFIX)["steps"]


def test_an_id_of_a_path_is_renamed_in_what_is_sent_and_in_what_is_expected():
    (only,) = renamed({**step(body={"x": "safe"}), "response": {"filter_id": "safe", "items": ["unsafe", "safe-1"]}})
    assert only["request"] == {"method": "PUT", "path": "/_ml/filters/own-safe", "body": {"x": "own-safe"}}
    assert only["response"] == {"filter_id": "own-safe", "items": ["unsafe", "own-safe-1"]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/_ml/anomaly_detectors/web-*,web", "/_ml/anomaly_detectors/own-web-*,own-web"),
        ("/_ml/anomaly_detectors/*-1", "/_ml/anomaly_detectors/own-*-1"),
        ("/_ml/anomaly_detectors/a,%20web%20", "/_ml/anomaly_detectors/a,%20own-web%20"),
        ("/_cat/ml/datafeeds/feed", "/_cat/ml/datafeeds/own-feed"),
        ("/.ml-anomalies-web/_search", "/.ml-anomalies-own-web/_search"),
        ("/.ml-anomalies-custom-mine", "/.ml-anomalies-custom-own-mine"),
        ("/source/_doc/web_1", "/own-source/_doc/own-web_1"),
        ("/_ml/anomaly_detectors/_all", "/_ml/anomaly_detectors/_all"),
        ("/_ml/anomaly_detectors/*", "/_ml/anomaly_detectors/*"),
        ("/lanewatch-journal/_count", "/lanewatch-journal/_count"),
    ],
)
def test_names_in_paths(path, expected):
    steps = renamed(step(body={"results_index_name": "custom-mine", "groups": "web"}), step(path=path))
    assert steps[1]["request"]["path"] == expected


def test_words_in_prose_and_keys_stay():
    told = ["safe is safe", "No known filter with id 'safe'", "[safe]", "a\nsafe\n"]
    (only,) = renamed({**step(), "response": {"safe": told, ".ml-safe": "safe"}})
    assert only["response"] == {
        "safe": ["safe is safe", "No known filter with id 'own-safe'", "[own-safe]", "a\nown-safe\n"],
        ".ml-own-safe": "own-safe",
    }


def test_a_name_as_long_as_an_id_may_be_stays_as_long():
    assert own_name("a" * 64, PREFIX) == PREFIX + "a" * 60
    assert own_name("a" * 65, PREFIX) == PREFIX + "a" * 65


@pytest.mark.parametrize("name", all_names())
def test_a_scenario_says_where_it_touches_what_belongs_to_all(name):
    """Else a run on an endpoint that others use would read or change what is theirs."""
    loaded = scenario(name, PREFIX)
    asked = {each.number: f"{each.request.method} {each.request.path}" for each in loaded.steps}
    of_all = {number for number, text in asked.items() if OF_ALL.match(text) and "help" not in text}
    of_all -= {each.number for each in loaded.steps if "help" in each.request.query}
    marked = {each.number for each in loaded.steps if each.alone or loaded.alone}
    assert of_all <= marked
    assert marked <= of_all or loaded.alone


@pytest.mark.parametrize("name", all_names())
def test_a_scenario_makes_and_changes_only_what_is_its_own(name):
    written = written_in(FOLDER / f"{name}.yaml")
    path = re.compile(r"(?:/_xpack/ml|/_ml)/(?:anomaly_detectors|datafeeds|calendars|filters)/([^/]+)|/([a-z][^/]*)")
    strangers = []
    for each in scenario(name, PREFIX).steps:
        found = path.match(each.request.path)
        if found is None or each.request.method == "GET" or each.alone or "alone" in written:
            continue
        ids = unquote(found[1] or found[2]).split(",")
        strangers += [identity for identity in ids if not (identity.startswith(PREFIX) or NO_ID.fullmatch(identity))]
    assert set(strangers) <= {"api", "shared", ".ml-anomalies-own-victim", "lanewatch-test-private", "_bulk"}
