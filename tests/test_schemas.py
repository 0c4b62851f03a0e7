"""What schemas find wrong, how it is worded, and what lenient values become."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from proxy.schemas import Fault, Schemas, Section, shipped_schemas

SCALARS = "_common/scalars.json#/$defs/"
ITEM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "_common/item.json",
    "$defs": {
        "label": {"type": "string", "pattern": "^[a-z]+$",
                  "x-error": {"pattern": {"type": "status_exception", "status": 409,
                                          "reason": "bad {field} '{value}' ({VALUE})"}}},
        "item": {"type": "object", "x-parser": "item", "additionalProperties": False, "required": ["label"],
                 "properties": {"label": {"$ref": "#/$defs/label"}, "n": {"$ref": "scalars.json#/$defs/integer"},
                                "kind": {"enum": ["a", "b"], "type": "string"}}},
    },
}  # fmt: skip
OPERATION = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "ml.try.json",
    "type": "object",
    "properties": {
        "query": {"type": "object", "additionalProperties": False,
                  "properties": {"size": {"$ref": SCALARS + "integer"}, "flag": {"$ref": SCALARS + "boolean"}}},
        "body": {"type": "object", "x-parser": "try", "additionalProperties": False, "required": ["items"],
                 "properties": {"items": {"type": ["array", "object"], "x-coerce": "list",
                                          "items": {"$ref": "_common/item.json#/$defs/item"}},
                                "score": {"$ref": SCALARS + "number"}, "on": {"$ref": SCALARS + "boolean"},
                                "integer": {"$ref": SCALARS + "integer"}, "long": {"$ref": SCALARS + "long"},
                                "names": {"$ref": SCALARS + "string_list"},
                                "free": {"type": "object", "x-parser": "free"}}},
    },
    "required": ["body"],
}  # fmt: skip


@pytest.fixture(scope="module")
def schemas(tmp_path_factory) -> Schemas:
    """Schemas of our own, with the shipped scalars."""
    folder: Path = tmp_path_factory.mktemp("schemas")
    (folder / "_common").mkdir()
    shipped = Path(__file__).parent.parent / "schemas" / "_common" / "scalars.json"
    (folder / "_common" / "scalars.json").write_bytes(shipped.read_bytes())
    (folder / "_common" / "item.json").write_text(json.dumps(ITEM))
    (folder / "ml.try.json").write_text(json.dumps(OPERATION))
    return Schemas(folder)


@pytest.fixture(scope="module")
def body(schemas) -> Section:
    return schemas.section("ml.try", "body")


def only_fault(section: Section, instance: object) -> Fault:
    (fault,) = section.faults(instance)
    return fault


def test_a_good_body_has_no_faults_across_references(body):
    assert list(body.faults({"items": [{"label": "x", "n": "3", "kind": "a"}], "score": "1.5", "on": "true"})) == []


def test_an_unknown_key_is_named_with_its_parser_and_what_may_be_meant(body):
    fault = only_fault(body, {"items": [], "scora": 1})
    assert (fault.path, fault.at, fault.wrapped, fault.kind) == (("scora",), "name", False, "unknown")
    assert fault.error.reason == "[try] unknown field [scora] did you mean [score]?"
    inner = only_fault(body, {"items": [{"label": "x", "knd": "y"}]})
    assert inner.error.reason == "[item] unknown field [knd] did you mean [kind]?"


def test_a_missing_key_is_found_at_the_end_of_its_object(body):
    fault = only_fault(body, {"items": [{}]})
    assert (fault.path, fault.at, fault.error.reason) == (("items", 0), "end", "Required [label]")


def test_a_value_of_a_wrong_type_is_named_by_its_token(body):
    fault = only_fault(body, {"items": [{"label": None}]})
    assert (fault.wrapped, fault.error.type) == (False, "x_content_parse_exception")
    assert fault.error.reason == "[item] label doesn't support values of type: VALUE_NULL"
    assert "START_ARRAY" in only_fault(body, {"items": [], "score": []}).error.reason
    assert "VALUE_BOOLEAN" in only_fault(body, {"items": [{"label": True}]}).error.reason


def test_a_schema_may_word_its_own_refusals(body):
    error = only_fault(body, {"items": [{"label": "x1"}]}).error
    assert (error.type, error.status, error.reason) == ("status_exception", 409, "bad label 'x1' (X1)")


def test_bad_values_are_worded_as_java_does(body):
    assert only_fault(body, {"items": [], "on": "yes"}).error.reason == (
        "Failed to parse value [yes] as only [true] or [false] are allowed."
    )
    assert only_fault(body, {"items": [], "score": "x"}).error.type == "number_format_exception"
    assert "must be one of [a, b], found [c]" in only_fault(body, {"items": [{"label": "x", "kind": "c"}]}).error.reason


@given(st.sampled_from([("integer", 31), ("long", 63)]), st.data())
def test_a_number_in_a_text_is_taken_just_within_the_range_of_its_type(body, kind, data):
    (name, bits), edge = kind, st.integers(-3, 3)
    near = st.one_of(edge.map(lambda by: 2**bits + by), edge.map(lambda by: -(2**bits) + by))
    value = data.draw(st.one_of(near, st.integers(-(2 ** (bits + 3)), 2 ** (bits + 3))))
    text = data.draw(st.sampled_from([f"{value}", f"{value:+}", f"{value:+025}"]))
    is_taken = not list(body.faults({"items": [], name: text}))
    assert is_taken == (-(2**bits) <= value < 2**bits)


def test_parsers_are_known_along_a_path(body):
    assert body.parsers_along(("items", 0, "label")) == ["try", None, "item", None]
    assert body.parser_of(("items", 0)) == "item"


def test_lenient_values_become_what_they_stand_for(body):
    given_body = {"items": {"label": "x", "n": "3"}, "score": 5, "on": "false", "names": "a", "free": {"n": "3"}}
    assert body.coerce(given_body) == {
        "items": [{"label": "x", "n": 3}], "score": 5.0, "on": False, "names": ["a"], "free": {"n": "3"},
    }  # fmt: skip
    assert isinstance(body.coerce({"score": 5})["score"], float)
    assert body.coerce({"names": [1, True, 2.5, "x"]})["names"] == ["1", "true", "2.5", "x"]
    assert given_body["score"] == 5, "what came is left as it was"


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_mean_the_same_as_number_and_as_text(number):
    section = shipped_schemas().section("ml.get_records", "query")
    texts = {"size": str(number)}
    if not list(section.faults(texts)):
        assert section.coerce(texts) == {"size": number}


def test_numbers_of_a_query_may_have_a_sign(schemas):
    assert schemas.section("ml.try", "query").coerce({"size": "-7"}) == {"size": -7}


def test_a_section_that_a_schema_lacks_takes_nothing(schemas):
    path = schemas.section("ml.try", "path")
    assert (path.required, list(path.faults({}))) == (False, [])
    assert len(list(path.faults({"x": 1}))) == 1
    assert schemas.section("ml.try", "body").required


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=12, deadline=None)
@pytest.mark.parametrize("operation", shipped_schemas().operations())
@given(data=st.data())
def test_every_shipped_schema_judges_anything_without_failing(operation, data):
    for name in ("path", "query", "body"):
        section = shipped_schemas().section(operation, name)
        keys = st.sampled_from([*section.properties(), "other"])
        instance = data.draw(st.dictionaries(keys, JSON, max_size=4))
        faults = list(section.faults(instance))
        for fault in faults:
            assert fault.error.reason
            assert len(section.parsers_along(fault.path)) == len(fault.path) + 1
        if not faults:
            section.coerce(instance)


META = "urn:lanewatch:meta"
FOLDER = Path(__file__).parent.parent / "schemas"
FILES = {path.relative_to(FOLDER).as_posix(): json.loads(path.read_bytes()) for path in FOLDER.rglob("*.json")}


def meta_faults(part: str, schema: object) -> list[str]:
    registry = Registry().with_resource(META, Resource.from_contents(FILES["_meta.json"]))
    validator = Draft202012Validator({"$ref": part}, registry=registry)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(schema)]


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_says_only_what_a_schema_can_say(name):
    assert meta_faults(META, FILES[name]) == []
    if "/" not in name and not name.startswith("_"):
        assert meta_faults(f"{META}#/$defs/operation", FILES[name]) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"x-coerce": "bool"}, {"properties": {"a": {"x-parser": 1}}}, {"x-unknown": 1}, {"additionalProperty": False},
        {"items": {"x-error": {"pattern": {"reason": "no type"}}}}, {"$defs": {"a": {"x-later": {"pattern": 1}}}},
        {"x-action": "job/put"},
    ],
)  # fmt: skip
def test_words_that_nobody_reads_are_found(schema):
    assert meta_faults(META, schema) != []


def test_an_operation_must_say_what_it_is_called():
    operation = FILES["ml.info.json"]
    assert meta_faults(f"{META}#/$defs/operation", {key: operation[key] for key in operation if key != "x-action"})


def test_every_word_is_explained_and_every_explained_word_exists():
    explained = set(re.findall(r"^\| `(x-[a-z-]+)`", (FOLDER / "README.md").read_text(), re.MULTILINE))
    assert explained == {word for word in FILES["_meta.json"]["properties"] if word.startswith("x-")}


def test_what_query_and_body_share_stands_once():
    repeated = [
        (name, option)
        for name, schema in FILES.items()
        for option, part in schema.get("properties", {}).get("body", {}).get("properties", {}).items()
        if option in schema["properties"].get("query", {}).get("properties", {})
        and part != {"$ref": f"#/properties/query/properties/{option}"}
    ]
    assert repeated == []
