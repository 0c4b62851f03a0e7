import os
from pathlib import Path

import pytest

from proxy.cluster import java
from proxy.cluster.build import Build
from proxy.cluster.java import find_java, java_major
from proxy.cluster.problem import ClusterProblem


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    monkeypatch.setattr(java, "INSTALL_PATTERNS", ())


def make_java(home: Path, version: str, *, release: bool = True) -> Path:
    """A Java that knows its version, from its release file or only when asked."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    command.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


def build(home: Path, version: str = "8.19.8") -> Build:
    return Build(home, version)


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("25", 25), ("1.8.0_292", 8)])
def test_the_version_is_read_from_the_release_file_or_asked_for(folder, version, major):
    assert java_major(make_java(folder / "with", version)) == major
    assert java_major(make_java(folder / "without", version, release=False)) == major


def test_a_folder_without_java_has_no_version(folder):
    assert java_major(folder) is None


def test_the_ordered_java_comes_before_the_builds_own(folder):
    ordered = make_java(folder / "ordered", "21.0.1")
    make_java(folder / "es" / "jdk", "21.0.1")
    assert find_java(build(folder / "es"), {"ES_JAVA_HOME": str(ordered)}) == ordered


def test_the_builds_own_java_comes_before_java_home(folder):
    own = make_java(folder / "es" / "jdk", "21.0.1")
    other = make_java(folder / "other", "21.0.1")
    assert find_java(build(folder / "es"), {"JAVA_HOME": str(other), "PATH": ""}) == own


def test_an_old_java_home_is_passed_over_for_the_one_on_the_path(folder):
    old = make_java(folder / "old", "11.0.2")
    new = make_java(folder / "new", "17.0.1")
    environ = {"JAVA_HOME": str(old), "PATH": str(new / "bin")}
    assert find_java(build(folder / "es"), environ) == new


def test_the_oldest_suitable_installed_java_is_taken(folder, monkeypatch):
    for name, version in (("a", "25.0.1"), ("b", "11.0.1"), ("c", "17.0.1"), ("d", "21.0.1")):
        make_java(folder / name, version)
    monkeypatch.setattr(java, "INSTALL_PATTERNS", (f"{folder}/*",))
    assert find_java(build(folder / "es"), {"PATH": ""}) == folder / "c"
    assert find_java(build(folder / "es", "9.2.0"), {"PATH": ""}) == folder / "d"


def test_an_ordered_java_that_does_not_suit_is_refused_and_not_passed_over(folder):
    old = make_java(folder / "old", "17.0.1")
    make_java(folder / "es" / "jdk", "21.0.1")
    told = r"Elasticsearch 9\.2\.0 needs Java 21 or later but ES_JAVA_HOME \[.*old\] is Java 17: unset it"
    with pytest.raises(ClusterProblem, match=told):
        find_java(build(folder / "es", "9.2.0"), {"ES_JAVA_HOME": str(old)})


def test_an_ordered_java_that_is_none_is_refused():
    with pytest.raises(ClusterProblem, match=r"ES_JAVA_HOME \[/nowhere\] holds none"):
        find_java(build(Path("/es")), {"ES_JAVA_HOME": "/nowhere"})


def test_without_a_suitable_java_one_learns_what_there_is_and_what_to_do(folder):
    old = make_java(folder / "old", "11.0.2")
    with pytest.raises(ClusterProblem) as told:
        find_java(build(folder / "es"), {"JAVA_HOME": str(old), "PATH": ""})
    assert str(told.value) == (
        f"Elasticsearch 8.19.8 needs Java 17 or later and there is only Java 11 in {old}: install one "
        "(for instance `apt-get install openjdk-17-jre-headless`) or point ES_JAVA_HOME to it"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands Elasticsearch to another account")
def test_root_passes_over_a_java_that_other_accounts_may_not_run(folder):
    closed = make_java(folder / "closed" / "java", "17.0.1")
    (folder / "closed").chmod(0o700)
    open_to_all = make_java(folder / "open", "17.0.1")
    environ = {"JAVA_HOME": str(closed), "PATH": str(open_to_all / "bin")}
    assert find_java(build(folder / "es"), environ) == open_to_all
