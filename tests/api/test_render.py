"""How answers are written, compared with what the cluster writes of the same document."""

from __future__ import annotations

import json
import math

import cbor2
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.api.filter_path import Selection, filtered, paths_of
from proxy.api.render import Prepared, Rendering, boolean, to_json, with_human_times
from proxy.errors import MlError
from proxy.units import java_double

against_the_cluster = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
INDEX = "lanewatch-test-render"
# Escapes of control characters and of characters beyond the basic plane differ, and mean the same.
TEXT = st.text(st.characters(codec="utf-8", min_codepoint=0x20, max_codepoint=0xFFFF), max_size=6)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
DOCUMENT = {
    "a": {"b": {"c": 1, "d": [1, 2.5, {"c": 3, "e": None}]}, "c": [], "bb": {}},
    "b": [{"c": {"d": 1}, "a": "x"}, {"c": 5}, [], [{"a": 1}], 7],
    "x.y": {"z": 1, "c": True},
    "abc": "text",
}


@pytest.fixture(scope="module")
def shown(cluster_client):
    """Asks the cluster for a document that it keeps in a mapping's ``_meta``, which may be anything."""
    cluster_client.delete(f"/{INDEX}")
    assert cluster_client.put(f"/{INDEX}").status == 200

    def show(document: object, **query: str):
        kept = cluster_client.put(f"/{INDEX}/_mapping", json_body={"_meta": {"it": document}})
        assert kept.status == 200, kept.text
        return cluster_client.get(f"/{INDEX}/_mapping", query=query)

    yield show
    cluster_client.delete(f"/{INDEX}")


def whole(document: object) -> dict[str, object]:
    return {INDEX: {"mappings": {"_meta": {"it": document}}}}


@settings(against_the_cluster, max_examples=25)
@given(JSON)
def test_pretty_is_as_the_cluster_prints(shown, document):
    theirs = shown(document, pretty="true").text
    ours = Rendering(pretty=True).encode(json.loads(theirs)).decode()
    # Java before 19 prints some doubles with more digits than are needed.
    assert [line for line in ours.splitlines() if "E" not in line and "." not in line] == [
        line for line in theirs.splitlines() if "E" not in line and "." not in line
    ]


@settings(against_the_cluster, max_examples=10)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_doubles_are_written_as_the_cluster_writes_them(shown, values):
    listed = shown(values).text.partition('"it":[')[2].rstrip("}]").split(",")
    for value, theirs in zip(values, listed, strict=True):
        ours = java_double(value)
        assert float(ours) == float(theirs)
        assert len(ours) <= len(theirs)
        assert ("E" in ours, "." in ours) == ("E" in theirs, "." in theirs)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (60.0, "60.0"), (0.0, "0.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.00099, "9.9E-4"), (1.2e-10, "1.2E-10"),
        (9999999.0, "9999999.0"), (1e7, "1.0E7"), (12345678.9, "1.23456789E7"), (-1e7, "-1.0E7"), (100.0, "100.0"),
        (1e21, "1.0E21"), (1e100, "1.0E100"), (5e-324, "5.0E-324"), (4.9e-324, "5.0E-324"), (0.1, "0.1"),
        (1.7976931348623157e308, "1.7976931348623157E308"), (-0.0005, "-5.0E-4"), (1234567.125, "1234567.125"),
        (math.nan, '"NaN"'), (math.inf, '"Infinity"'), (-math.inf, '"-Infinity"'),
    ],
)  # fmt: skip
def test_a_double_has_javas_form(value, text):
    assert java_double(value) == text
    assert to_json({"a": [value]}).decode() == f'{{"a":[{text}]}}'


@given(JSON)
def test_json_reads_back(document):
    assert json.loads(to_json(document)) == document


@given(JSON)
def test_yaml_and_cbor_read_back(document):
    assert cbor2.loads(Rendering(format="cbor").encode({"a": document})) == {"a": document}
    read = yaml.safe_load(Rendering(format="yaml").encode({"a": document}).decode())
    assert list(read) == ["a"]


@pytest.mark.parametrize(
    "document",
    [
        {"status": "green", "m": 1, "f": 1.5, "t": True, "z": None, "e": [], "o": {}, "l": [1, "a", {"x": "y"}]},
        {"f": [1e-10, 60.0, 1e7], "s": ["", "a: b", "- x", "null", "1", "it's", 'a"b']},
        {"long": "word " * 30, "deep": {"a": [{"b": [{"c": "d"}]}]}},
    ],
)
def test_yaml_is_as_the_cluster_writes_it(shown, document):
    in_its_order = shown(document).json()
    assert Rendering(format="yaml").encode(in_its_order).decode() == shown(document, format="yaml").text


PATH = st.lists(
    st.sampled_from(["a", "b", "c", "d", "e", "*", "**", "a*", "*b", "x\\.y", "x.y", "z", "*c*", "it", "0"]),
    min_size=1,
    max_size=4,
).map(".".join)

SIGNED_PATH = st.builds(lambda sign, path: sign + path, st.sampled_from(["", "", "-"]), PATH)


@settings(against_the_cluster, max_examples=300)
@given(st.lists(SIGNED_PATH, min_size=1, max_size=3))
def test_filter_path_keeps_what_the_cluster_keeps(filter_cluster, paths):
    assert filtered(whole(DOCUMENT), paths) == filter_cluster(paths)


@pytest.fixture(scope="module")
def filter_cluster(shown, cluster_client):
    shown(DOCUMENT)

    def ask(paths: list[str]) -> object:
        return cluster_client.get(f"/{INDEX}/_mapping", query={"filter_path": ",".join(paths)}).json()

    return ask


@pytest.mark.parametrize(
    "path",
    [
        f"{INDEX}", f"{INDEX}.mappings._meta.it.a", "**.c", "**.d.c", "*.*.*.*.b", "**.it.b.c", "-**.c", "**.e",
        "**.bb", "**.x\\.y.z", "**.it.b.*.d", "-**.it.a,-**.abc", "**.it,-**.c", "**.it.a,-**.d", "**", "-**",
        "*", "-*", "**.it.**.c", "**.it.b", "-**.it.b.c.d", "-**.it.b.c", "-**.it.a.b.d.c", "**.it.a.c",
        "**.it.abc", "**.a.**", "-**.d.**", "**.bb.**", "-**.bb.**",
    ],
)  # fmt: skip
def test_some_filter_paths_keep_what_the_cluster_keeps(path, filter_cluster):
    assert filtered(whole(DOCUMENT), path.split(",")) == filter_cluster(path.split(","))


@pytest.mark.parametrize("path", ["*a" * 500 + "b", ".".join(["**"] * 40 + ["x"]), "**.*a*a*a*a*a*a*a*a*a*a*a*a*b"])
def test_the_work_on_a_path_does_not_grow_with_its_stars(path):
    deep: object = 1
    for _ in range(50):
        deep = {"a" * 2000: deep}
    selection = Selection([path])
    places = selection.start
    for _ in range(50):
        places = selection.below(places, "a" * 2000)
        assert len(places) <= path.count(".") + 2
    assert selection.steps_taken <= 50
    assert filtered(deep, [path]) == {}


def test_documents_with_the_same_keys_are_looked_at_once():
    selection = Selection(["**.b"])
    for _ in range(100):
        selection.below(selection.start, "a")
    assert selection.steps_taken == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a" * 4097, "[filter_path] has [4097] characters, at most [4096] are allowed"),
        ("a," * 257, "[filter_path] has [257] paths, at most [256] are allowed"),
    ],
)
def test_too_much_of_a_filter_path_is_refused(text, reason):
    with pytest.raises(MlError) as caught:
        paths_of(text)
    assert (caught.value.type, caught.value.status, caught.value.reason) == ("illegal_argument_exception", 400, reason)


def test_errors_are_not_filtered():
    assert Rendering(filter_path=("a",)).encode({"error": "x"}, is_error=True) == b'{"error":"x"}'
    assert Rendering(filter_path=("a",)).encode({"error": "x"}) == b"{}"


def test_finished_json_is_sent_as_it_is_unless_another_form_is_wanted():
    prepared = Prepared(b'{"a":1}', lambda: {"a": 1})
    assert Rendering().encode(prepared) == b'{"a":1}'
    assert Rendering(pretty=True).encode(prepared) == b'{\n  "a" : 1\n}\n'
    assert Rendering(filter_path=("b",)).encode(prepared) == b"{}"
    assert cbor2.loads(Rendering(format="cbor").encode(prepared)) == {"a": 1}


def test_human_times_stand_before_their_numbers():
    document = with_human_times({"a": 1, "at": 1_464_739_200_123, "none": None}, ["at", "none"])
    assert list(document.items()) == [
        ("a", 1), ("at_string", "2016-06-01T00:00:00.123Z"), ("at", 1_464_739_200_123), ("none", None),
    ]  # fmt: skip


def test_flags_are_true_false_or_empty():
    assert [boolean(text) for text in ("", "true", "false")] == [True, True, False]
    with pytest.raises(MlError, match=r"Failed to parse value \[TRUE\] as only \[true\] or \[false\] are allowed"):
        boolean("TRUE")
