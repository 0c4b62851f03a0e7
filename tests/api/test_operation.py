"""Finding the operation that a request means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.operation import Operation, Router
from proxy.api.routes import OPERATIONS
from proxy.errors import MlError


async def handler(call: object, services: object) -> dict[str, object]:
    raise AssertionError("never called here")


def operation(name: str, *routes: str, legacy: bool = True) -> Operation:
    return Operation(name=name, handler=handler, routes=routes, legacy=legacy)


ROUTER = Router(
    [
        operation("ml.get_jobs", "GET /_ml/anomaly_detectors", "GET /_ml/anomaly_detectors/{job_id}"),
        operation("ml.put_job", "PUT /_ml/anomaly_detectors/{job_id}"),
        operation(
            "ml.get_job_stats", "GET /_ml/anomaly_detectors/_stats", "GET /_ml/anomaly_detectors/{job_id}/_stats"
        ),
        operation("ml.validate", "POST /_ml/anomaly_detectors/_validate"),
        operation("ml.new", "GET /_ml/memory/_stats", "GET /_ml/memory/{node_id}/_stats", legacy=False),
    ]
)


def refusal(method: str, target: str) -> MlError:
    with pytest.raises(MlError) as caught:
        ROUTER.match(method, target)
    return caught.value


def test_a_fixed_part_beats_a_placeholder_method_by_method():
    assert ROUTER.match("GET", "/_ml/anomaly_detectors/_stats").operation.name == "ml.get_job_stats"
    put = ROUTER.match("PUT", "/_ml/anomaly_detectors/_stats")
    assert (put.operation.name, put.parts) == ("ml.put_job", {"job_id": "_stats"})
    assert ROUTER.match("GET", "/_ml/anomaly_detectors/_validate").parts == {"job_id": "_validate"}


def test_a_placeholder_is_tried_where_the_fixed_part_leads_nowhere():
    match = ROUTER.match("GET", "/_ml/anomaly_detectors/_validate/_stats")
    assert (match.operation.name, match.parts) == ("ml.get_job_stats", {"job_id": "_validate"})


def test_a_match_knows_its_template():
    match = ROUTER.match("GET", "/_xpack/ml/anomaly_detectors/a?pretty")
    assert (match.template, match.parts) == ("/_xpack/ml/anomaly_detectors/{job_id}", {"job_id": "a"})


def test_newer_operations_have_no_old_prefix():
    assert refusal("GET", "/_xpack/ml/memory/_stats").status == 400
    assert ROUTER.match("GET", "/_ml/memory/_stats").operation.name == "ml.new"


def test_parts_are_decoded_once_and_after_the_path_was_split():
    assert ROUTER.match("GET", "/_ml/anomaly_detectors/a%2Fb").parts == {"job_id": "a/b"}
    assert ROUTER.match("GET", "/_ml/anomaly_detectors/a%252Fb").parts == {"job_id": "a%2Fb"}
    assert ROUTER.match("GET", "/_ml/anomaly_detectors/a+b,c*").parts == {"job_id": "a+b,c*"}
    assert refusal("GET", "/%5fml/anomaly_detectors").status == 400
    assert refusal("GET", "/_ml%2Fanomaly_detectors").status == 400


@given(st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", "..")))
def test_any_text_can_be_a_part(text):
    from urllib.parse import quote

    match = ROUTER.match("GET", "/_ml/anomaly_detectors/" + quote(text, safe="") + "/_stats")
    assert match.parts == {"job_id": text}


def test_parts_must_be_utf8():
    assert (refusal("GET", "/_ml/anomaly_detectors/%ff").type) == "illegal_argument_exception"


def test_slashes_at_the_end_do_not_count_but_those_within_do():
    assert ROUTER.match("GET", "/_ml/anomaly_detectors//").parts == {}
    for target in ("/_ml//anomaly_detectors", "//_ml/anomaly_detectors", "/_ml/anomaly_detectors//_stats"):
        assert refusal("GET", target).status == 400


def test_a_missing_method_is_405_and_tells_those_there_are():
    error = refusal("DELETE", "/_ml/anomaly_detectors/x?force=true")
    assert error.body() == {
        "error": "Incorrect HTTP method for uri [/_ml/anomaly_detectors/x?force=true] and method [DELETE], "
        "allowed: [GET, PUT]",
        "status": 405,
    }
    assert error.headers == {"Allow": "GET,PUT"}
    assert ROUTER.allowed("/_ml/anomaly_detectors/_validate") == ["GET", "POST", "PUT"]


def test_an_unknown_method_is_told_so():
    assert refusal("LOCK", "/_ml/anomaly_detectors").reason == "Unexpected http method: LOCK, allowed: [GET]"


def test_an_unknown_path_is_400_without_a_status_in_its_body():
    error = refusal("GET", "/_ml/nothing?a=b")
    assert error.status == 400
    assert error.body() == {"error": "no handler found for uri [/_ml/nothing?a=b] and method [GET]"}


@pytest.mark.parametrize("entry", [route for row in OPERATIONS for route in row.routes])
def test_every_route_of_the_table_leads_to_its_row(entry):
    """Unless a placeholder of another row would take it, which is what this finds out."""
    method, template = entry.split(" ")
    row = next(row for row in OPERATIONS if entry in row.routes)
    match = Router(OPERATIONS).match(method, template.replace("{", "some-").replace("}", ""))
    assert (match.operation.name, match.template) == (row.name, template)


def test_while_upgrading_only_checks_reading_reset_and_the_mode_itself_are_let_through():
    ours = (operation for operation in OPERATIONS if operation.name.startswith(("ml.", "cat.")))
    allowed = {operation.name for operation in ours if operation.allowed_while_upgrading}
    assert allowed == {
        "ml.estimate_model_memory",
        "ml.get_filters",  # a read, for all that it needs the privilege of writes
        "ml.drain_place",  # where a job is changes nothing about it
        "ml.resume_place",
        "ml.preview_datafeed",
        "ml.reset_job",  # which has words of its own for it
        "ml.set_upgrade_mode",
        "ml.validate",
        "ml.validate_detector",
    }
