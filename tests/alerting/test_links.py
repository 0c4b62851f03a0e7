"""Where messages say that the page shows an alert."""

from __future__ import annotations

from proxy.alerting.context import alertmanager_form, context_of, delivery_of
from proxy.alerting.episodes import advance
from proxy.alerting.links import Links
from proxy.alerting.matching import BucketResults, matches_of
from tests.alerting.rules import HOUR_MS, START_MS, action, record, rule


def test_messages_link_to_the_alert_and_to_its_rule_from_wherever_they_are_read() -> None:
    links = Links("https://ml.example.org", "/_ml_ui")
    made = rule(actions=[action()])
    assert made.params is not None
    results = BucketResults("flights", START_MS, HOUR_MS, False, {}, [record(90)], ())
    (message,) = advance(made, made.params, results, matches_of(made.params, results), {}).messages
    url = links.explorer(message.episode)
    assert url.startswith("/_ml_ui/explorer?job=flights&from=2023-11-14T")
    alert = alertmanager_form(made, message, f"{links.base_url}{url}")
    context = context_of(made, message.episode, url)
    told = delivery_of(made, message, links, context=context, alert=alert, now_ms=0).context
    assert told["kibanaBaseUrl"] + told["context"]["anomalyExplorerUrl"] == alert["generator_url"]
    assert told["rule"]["url"] == "https://ml.example.org/_ml_ui/rules?open=r"


def test_without_an_address_or_a_page_there_is_no_link() -> None:
    assert Links("", "/_ml_ui").rule("r") == Links("https://ml.example.org", None).rule("r") == ""
