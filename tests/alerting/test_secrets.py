"""Secrets of connectors: what is stored tells nothing, and references lead only where the settings allow."""

from __future__ import annotations

import pytest

from proxy.alerting.secrets import Secrets, Unreadable, masked
from proxy.errors import MlError
from tests.alerting.messages import KEY, settings

GIVEN = {"password": "hunter2", "secretHeaders": {"X-Token": "t0ken"}, "user": None}


def test_what_is_encrypted_comes_back_and_cannot_be_read_without_the_key():
    secrets = Secrets(settings(secrets_key=KEY))
    kept = secrets.kept("c1", GIVEN)
    assert "hunter2" not in str(kept) and "t0ken" not in str(kept)
    assert secrets.kept("c1", GIVEN) != kept
    assert secrets.revealed("c1", kept) == GIVEN
    with pytest.raises(Unreadable, match="encrypted with another"):
        Secrets(settings(secrets_key=KEY[::-1])).revealed("c1", kept)
    with pytest.raises(Unreadable, match="secrets_key\\] is not set"):
        Secrets(settings()).revealed("c1", kept)


def test_a_secret_cannot_be_moved_to_another_connector_or_field():
    secrets = Secrets(settings(secrets_key=KEY))
    kept = secrets.kept("c1", {"password": "hunter2"})
    with pytest.raises(Unreadable):
        secrets.revealed("c2", kept)
    with pytest.raises(Unreadable):
        secrets.revealed("c1", {"user": kept["password"]})


def test_without_a_key_only_references_are_taken(monkeypatch, tmp_path):
    (tmp_path / "hook").write_text("https://hooks.example.org/abc\n")
    monkeypatch.setenv("ALERT_SECRET_TOKEN", "t0ken")
    secrets = Secrets(settings(secrets_dir=str(tmp_path)))
    given = {"password": "${env:ALERT_SECRET_TOKEN}", "webhookUrl": "${file:hook}"}
    assert secrets.kept("c1", given) == given
    assert secrets.revealed("c1", given) == {"password": "t0ken", "webhookUrl": "https://hooks.example.org/abc"}
    with pytest.raises(MlError) as caught:
        secrets.kept("c1", {"password": "hunter2"})
    assert caught.value.status == 400
    assert caught.value.reason == (
        "secret [password] must be a reference as ${env:ALERT_SECRET_NAME} or ${file:PATH}: "
        "without [alerting.secrets_key] nothing can be encrypted"
    )


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("${env:LANEWATCH_ELASTICSEARCH_PASSWORD}", "environment variables that begin with"),
        ("${file:/etc/passwd}", "files in"),
        ("${file:../secret}", "files in"),
        ("${file:link}", "files in"),
    ],
)
def test_a_reference_leads_nowhere_else(tmp_path, reference, told):
    folder = tmp_path / "allowed"
    folder.mkdir()
    (tmp_path / "secret").write_text("no")
    (folder / "link").symlink_to(tmp_path / "secret")
    secrets = Secrets(settings(secrets_dir=str(folder)))
    with pytest.raises(MlError, match=told):
        secrets.kept("c1", {"password": reference})
    with pytest.raises(Unreadable):
        secrets.revealed("c1", {"password": reference})


def test_without_a_folder_files_are_refused():
    with pytest.raises(MlError, match=r"\[alerting.secrets_dir\] is not set"):
        Secrets(settings()).kept("c1", {"password": "${file:hook}"})


def test_a_reference_that_leads_nowhere_is_told_without_a_value(tmp_path):
    secrets = Secrets(settings(secrets_dir=str(tmp_path)))
    for reference, told in (("${env:ALERT_SECRET_NONE}", "which is not set"), ("${file:none}", "cannot be read")):
        with pytest.raises(Unreadable, match=told):
            secrets.revealed("c1", {"password": reference})


def test_secrets_are_masked_in_what_is_told():
    assert masked("refused: Bearer t0ken for hunter2", GIVEN) == "refused: Bearer ******** for ********"
    assert masked("a tab", {"password": "a"}) == "a tab"
    assert masked("Basic bWU6aHVudGVyMg==", {"user": "me", "password": "hunter2"}) == "Basic ********"
