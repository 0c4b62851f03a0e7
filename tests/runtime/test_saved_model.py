"""A saved model reads back; what is none of ours is refused in words."""

from __future__ import annotations

import pytest

from proxy.engine import state
from proxy.errors import MlError
from proxy.runtime.saved_model import MIN_VERSIONS, entries_in, is_too_new, is_too_old, pack, unpack


def test_what_was_packed_reads_back() -> None:
    header, state = unpack(pack({"counts": {"a": 1}}, b"learnt"))
    assert (header["counts"], state) == ({"a": 1}, b"learnt")


@pytest.mark.parametrize("model", [b"", b"\x00", b"x" * 100, b"\x02\x00\x00\x00{}rest", b"\x02\x00\x00\x00[]rest"])
def test_rubbish_is_refused(model: bytes) -> None:
    with pytest.raises(MlError, match="was not written here") as refused:
        unpack(model)
    assert refused.value.status == 400


def test_a_model_tells_which_journal_entries_it_contains() -> None:
    assert entries_in(pack({"sequence": 7}, b"learnt")) == 7
    assert entries_in(pack({}, b"learnt")) == 0


@pytest.mark.parametrize("model", [b"", b"x" * 100, b"\x02\x00\x00\x00[]rest"])
def test_rubbish_contains_none(model: bytes) -> None:
    assert entries_in(model) == 0


def test_a_model_that_was_cut_short_is_refused() -> None:
    with pytest.raises(MlError, match="was not written here"):
        unpack(pack({}, b"learnt" * 100)[:-5])


def test_another_version_is_named() -> None:
    with pytest.raises(MlError, match=r"has version \[99\]"):
        unpack(pack({"version": 99}, b"learnt"))


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        ("6.3.0", True, False),
        ("8.2.9", True, False),
        ("8.3.0", False, False),
        ("8.3.0-SNAPSHOT", False, False),
        ("8.10.0", False, True),
        ("9.0.0-SNAPSHOT", False, True),
        ("", True, False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, old: bool, new: bool) -> None:
    assert (is_too_old(version), is_too_new(version)) == (old, new)


def test_every_version_of_the_engine_has_a_number_of_its_own() -> None:
    """Else an older build would take a newer snapshot for one that it reads."""
    assert max(MIN_VERSIONS) == state.VERSION
    assert len(set(MIN_VERSIONS.values())) == len(MIN_VERSIONS)
