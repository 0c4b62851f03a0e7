"""How the page's files are served, and that other sites cannot make changes in a visitor's name."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from proxy.api.page import FOLDER
from tests.http_client import HttpClient

TYPES = {"text/javascript", "text/css", "text/html", "image/svg+xml"}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
FILES = sorted(
    path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in (".js", ".css", ".html", ".svg")
)


@pytest.mark.parametrize("view", ["", "jobs", "explorer?job=a&t=1..2", "metric", "rules"])
def test_every_view_has_the_page_at_its_address(client: HttpClient, view: str) -> None:
    answer = client.get(f"/_ml_ui/{view}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_as_it_is_with_its_type_and_the_policy(client: HttpClient, name: str) -> None:
    answer = client.get(f"/_ml_ui/{name}")
    assert answer.status == 200
    assert answer.body == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"].partition(";")[0] in TYPES
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_is_told_of_the_configuration(client: HttpClient) -> None:
    answer = client.get("/_ml_ui/settings.json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == {"alerts": "lanewatch-alerts"}


def test_what_the_page_asks_for_is_within_itself() -> None:
    elsewhere = re.compile(r"""(?:src|href|import|from|url)\s*[=(]?\s*["'](?:https?:)?//""")
    own = [path for path in FOLDER.rglob("*") if path.suffix in (".js", ".css", ".html") and "vendor" not in path.parts]
    assert [path.name for path in own if elsewhere.search(path.read_text())] == []


def test_an_unchanged_file_is_not_sent_again(client: HttpClient) -> None:
    first = client.get("/_ml_ui/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/_ml_ui/app.js", headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/_ml_ui/app.js", headers={"If-None-Match": '"other"'}).status == 200


def test_files_are_compressed_for_those_who_take_it_under_a_tag_of_their_own(client: HttpClient) -> None:
    plain = client.get("/_ml_ui/vendor/uplot.js")
    packed = client.get("/_ml_ui/vendor/uplot.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"


def test_the_bare_path_leads_to_the_page_whatever_is_in_front(client: HttpClient) -> None:
    answer = client.get("/_ml_ui?x=1")
    assert (answer.status, answer.headers["location"]) == (308, "_ml_ui/?x=1")


@pytest.mark.parametrize(
    "path", ["nothing.js", "../config.yaml", "%2e%2e/page.py", "types.d.ts", "vendor/copy.mjs", "jobs/"]
)
def test_only_files_of_the_page_are_served(client: HttpClient, path: str) -> None:
    answer = client.get(f"/_ml_ui/{path}")
    assert answer.status == 404
    assert answer.json()["error"]["type"] == "resource_not_found_exception"


def test_the_page_cannot_be_written(client: HttpClient) -> None:
    answer = client.post("/_ml_ui/app.js", body=b"{}", headers={"content-type": "application/json"})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_has_no_body(client: HttpClient) -> None:
    answer = client.request("HEAD", "/_ml_ui/app.js")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) == len((FOLDER / "app.js").read_bytes())


def test_names_that_only_begin_like_the_page_are_the_clusters(client: HttpClient) -> None:
    assert client.get("/_ml_uix").json()["status"] == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/_ml/anomaly_detectors/foreign"),
        ("POST", "/_ml/anomaly_detectors/foreign/_open"),
        ("DELETE", "/_ml/anomaly_detectors/foreign"),
        ("PUT", "/foreign-index"),
        ("POST", "/foreign-index/_doc"),
        ("DELETE", "/foreign-index"),
        ("POST", "/_bulk"),
    ],
)
def test_another_site_changes_nothing(client: HttpClient, method: str, path: str, site: str) -> None:
    answer = client.request(method, path, json_body={}, headers={"Sec-Fetch-Site": site})
    assert answer.status == 403
    assert answer.json()["error"]["type"] == "security_exception"
    assert client.get("/foreign-index").status == 404


def test_another_site_may_ask_as_far_as_the_cluster_lets_it(client: HttpClient) -> None:
    assert client.get("/_ml/anomaly_detectors", headers=CROSS_SITE).status == 200
    assert client.post("/_search", json_body={"size": 0}, headers=CROSS_SITE).status == 200


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
def test_the_page_itself_and_other_clients_notice_nothing(client: HttpClient, headers: dict[str, str]) -> None:
    assert client.put("/page-own-index", headers=headers).status == 200
    assert client.delete("/page-own-index", headers=headers).status == 200


def test_every_library_of_the_page_has_its_licence_beside_it() -> None:
    libraries = {path.stem for path in (FOLDER / "vendor").glob("*.js")}
    assert {path.name.removesuffix(".LICENSE") for path in (FOLDER / "vendor").glob("*.LICENSE")} == libraries
    assert all("Copyright" in Path(path).read_text() for path in (FOLDER / "vendor").glob("*.LICENSE"))
