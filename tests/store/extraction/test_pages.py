"""How pages are cut at whole milliseconds."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.store.extraction.pages import ABSENT, Page, WholeMilliseconds


@given(st.lists(st.integers(0, 5)).map(sorted), st.integers(1, 4))
def test_however_times_are_paged_each_millisecond_comes_whole(times, size):
    whole, out = WholeMilliseconds(("n",)), []
    starts = range(0, len(times) + 1, size)
    for start in starts:
        part = times[start : start + size]
        rows = list(range(start, start + len(part)))
        is_last = len(part) < size
        page = whole.add(part, {"n": rows}, ends_at_ms=99 if is_last else None)
        out.extend(page.columns["n"])
        assert len(out) == sum(time < page.read_to_ms for time in times)
    assert out == list(range(len(times)))


def test_what_comes_again_is_forgotten():
    whole = WholeMilliseconds(("n",))
    assert whole.add([1, 2, 2], {"n": ["a", "b", "c"]}, ends_at_ms=None) == Page([1], {"n": ["a"]}, 2)
    whole.drop()
    assert whole.add([2, 2], {"n": ["b", "c"]}, ends_at_ms=9) == Page([2, 2], {"n": ["b", "c"]}, 9)


def test_records_lack_what_is_absent():
    page = Page([1, 2], {"a": ["x", ABSENT], "b": [None, [1, 2]]}, 3)
    assert page.records("time") == [{"time": 1, "a": "x", "b": None}, {"time": 2, "b": [1, 2]}]
