"""Where a field is read from, by what the cluster says of it."""

import pytest

from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.fields import Place, plan
from proxy.store.extraction.values import latitude_longitude, milliseconds
from tests.store.extraction.sources import source


def types(**aggregatable):
    return {kind: {"type": kind, "aggregatable": is_aggregatable} for kind, is_aggregatable in aggregatable.items()}


TIME = {"time": types(date=True)}


def fields_of(names, capabilities, **config):
    read = source(fields=names, **config)
    made = plan(read, TIME | capabilities)
    return [(field.name, field.key, field.place) for field in made.fields], made.fetch(read)


def test_doc_values_alone_need_nothing_stored():
    found, fetch = fields_of(["a", "d"], {"a": types(keyword=True), "d": types(date=True, date_nanos=True)})
    assert found == [("a", "a", Place.DOC_VALUES), ("d", "d", Place.DOC_VALUES)]
    assert fetch == {
        "_source": False,
        "docvalue_fields": ["a", {"field": "d", "format": "epoch_millis"}],
        "stored_fields": "_none_",
    }


def test_what_lacks_doc_values_in_some_index_is_read_from_the_source():
    found, fetch = fields_of(["a"], {"a": types(keyword=True, text=False)})
    assert found == [("a", "a", Place.SOURCE)]
    assert fetch == {"_source": ["a"]}


def test_a_shape_is_read_from_the_source_though_it_can_be_aggregated():
    found, _ = fields_of(["g"], {"g": types(geo_shape=True)})
    assert found == [("g", "g", Place.SOURCE)]


def test_a_multi_field_without_doc_values_is_read_as_its_parent():
    capabilities = {
        "k": types(keyword=True),
        "k.t": types(text=False),
        "t": types(text=False),
        "t.u": types(text=False),
    }
    found, fetch = fields_of(["k.t", "t.u", "k"], capabilities)
    assert found == [("k.t", "k", Place.DOC_VALUES), ("t.u", "t", Place.SOURCE), ("k", "k", Place.DOC_VALUES)]
    assert fetch == {"_source": ["t"], "docvalue_fields": ["k"]}


def test_a_field_of_an_object_is_no_multi_field():
    capabilities = {"o": types(object=False), "o.t": types(text=False)}
    assert fields_of(["o.t"], capabilities)[0] == [("o.t", "o.t", Place.SOURCE)]


def test_script_fields_are_all_sent():
    scripts = {"s": {"script": "1"}, "unused": {"script": "2"}}
    found, fetch = fields_of(["s"], {}, script_fields=scripts)
    assert found == [("s", "s", Place.SCRIPT)]
    assert fetch == {"_source": False, "script_fields": scripts}


def test_a_date_in_some_indices_only_keeps_the_format_of_its_mapping():
    _, fetch = fields_of(["d"], {"d": types(date=True, keyword=True)})
    assert fetch["docvalue_fields"] == ["d"]


@pytest.mark.parametrize(
    ("capabilities", "cause"),
    [
        (TIME, "[feed] cannot retrieve field [a] because it has no mappings"),
        ({}, "[feed] cannot retrieve field [time] because it has no mappings"),
        (
            {"time": types(text=False), "a": types(long=True)},
            "[feed] cannot retrieve time field [time] because it is not aggregatable",
        ),
    ],
)
def test_fields_that_cannot_be_retrieved(capabilities, cause):
    with pytest.raises(ExtractionError) as raised:
        plan(source(fields=["a"]), capabilities)
    assert (raised.value.cause, raised.value.status, raised.value.type) == (cause, 400, "status_exception")


def test_one_index_with_nanoseconds_is_enough():
    assert plan(source(), {"time": types(date=True, date_nanos=True)}).sorts_nanos
    assert not plan(source(), TIME).sorts_nanos


def test_dates_become_whole_milliseconds():
    texts = ("1403481600123", "1403481600123.456789", "-5", 7, "no date")
    assert [milliseconds(text) for text in texts] == [1403481600123, 1403481600123, -5, 7, "no date"]


def test_points_become_latitude_and_longitude():
    for point in ("50, 10", "50,10", "POINT (10 50)", "point(10 50)", {"type": "Point", "coordinates": ["10", "50"]}):
        assert latitude_longitude(point) == "50,10"


@pytest.mark.parametrize("shape", ["LINESTRING (1 2 3 4)", {"type": "LineString", "coordinates": [[1, 2]]}, 5])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ExtractionError, match="Unexpected value for a geo_shape field"):
        latitude_longitude(shape)
