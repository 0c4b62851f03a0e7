"""What a scenario may leave open, and how a difference is told."""

import pytest

from proxy.contract_kit.matching import at, mismatches


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": [{"b": "$any"}]}, {"a": [{"b": None, "c": 1}]}),
        ({"$regex": "^a.c$"}, "abc"),
        ({"$approx": 1.0}, 1.0000001),
        ({"$gte": 1, "$lte": 2}, 1.5),
        ({"$contains": {"id": 2}}, [{"id": 1}, {"id": 2}]),
        ({"$length": 2}, [1, 2]),
        ({"$float": 1.0}, 1.0),
        (1.0, 1),
    ],
)
def test_what_is_as_expected(expected, actual):
    assert mismatches(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "response.a.b: expected 1, got 2"),
        ({"a": 1}, {"b": 1}, "response.a: expected 1, got nothing in {'b': 1}"),
        ([1], [1, 2], "response: expected [1], got [1, 2]"),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], "response.1.a: expected 2, got 3"),
        (1, True, "response: expected 1, got True"),
        ({"a": 1}, "a", "response: expected {'a': 1}, got 'a'"),
        ({"$float": 1.0}, 1, "response: expected {'$float': 1.0}, got 1"),
        ({"$regex": "^b"}, "abc", "response: expected {'$regex': '^b'}, got 'abc'"),
        ({"$type": "integer"}, "1", "response: expected {'$type': 'integer'}, got '1'"),
    ],
)
def test_a_difference_is_told_with_its_place(expected, actual, told):
    assert [str(fault) for fault in mismatches(expected, actual)] == [told]


def test_all_differences_are_told():
    assert len(mismatches({"a": 1, "b": [2, {"c": 3}]}, {"a": 0, "b": [0, {}]})) == 3


def test_a_part_is_found_by_its_dotted_path():
    assert at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert at({"a": 1}, "") == {"a": 1}
    for path in ("b", "a.b", "a.1"):
        with pytest.raises(KeyError):
            at({"a": [0]}, path)
