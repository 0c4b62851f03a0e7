import os
import shutil
import zipfile
from pathlib import Path

import pytest

from proxy.cluster import build
from proxy.cluster.build import find_build, installed_build
from proxy.cluster.problem import ClusterProblem
from proxy.config import ClusterConfig
from proxy.config_loading import load_config


def cluster_config(**settings: object) -> ClusterConfig:
    return load_config(environ={}, overrides={"cluster": settings}).cluster


def make_home(home: Path, version: str) -> Path:
    """What makes a folder an Elasticsearch to us."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "elasticsearch").write_text("#!/bin/sh\n")
    (home / "bin" / "elasticsearch").chmod(0o755)
    (home / "config").mkdir()
    (home / "lib").mkdir()
    (home / "lib" / f"elasticsearch-{version}.jar").touch()
    (home / "lib" / "elasticsearch-core-1.2.3.jar").touch()
    return home


def make_maven(folder: Path, script: str) -> dict[str, str]:
    """A Maven that does what the script says; returns the PATH that finds it first."""
    (folder / "mvn").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "mvn").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def zipped(home: Path) -> Path:
    archive = home.parent / "build.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for path in (home, *sorted(home.rglob("*"))):
            bundle.write(path, path.relative_to(home.parent))
    return archive


def test_the_configured_home_comes_before_es_home(folder):
    configured = make_home(folder / "configured", "8.19.8")
    other = make_home(folder / "other", "9.2.0")
    found = find_build(cluster_config(es_home=str(configured)), print, {"ES_HOME": str(other)})
    assert (found.home, found.version, found.major) == (configured, "8.19.8", 8)


def test_es_home_comes_before_the_cache(folder):
    home = make_home(folder / "es", "9.2.0")
    assert find_build(cluster_config(), print, {"ES_HOME": str(home)}).version == "9.2.0"


def test_a_folder_without_elasticsearch_is_refused(folder):
    with pytest.raises(ClusterProblem, match=r"there is no Elasticsearch in \[.*\]: point ES_HOME to its folder"):
        installed_build(folder)


def test_a_systems_package_is_refused_because_its_settings_are_not_ours_to_change(folder):
    home = make_home(folder / "es", "8.19.8")
    (home / "config").rmdir()
    with pytest.raises(ClusterProblem, match="is a system's package with its configuration elsewhere: start it as a"):
        installed_build(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands Elasticsearch to another account")
def test_root_refuses_a_build_that_other_accounts_may_not_read(folder):
    home = make_home(folder / "closed" / "es", "8.19.8")
    (folder / "closed").chmod(0o700)
    with pytest.raises(ClusterProblem, match="does not run as root and other users may not read"):
        installed_build(home)


def test_a_build_is_fetched_once_with_its_modes_and_with_progress(folder, monkeypatch):
    archive = zipped(make_home(folder / "elasticsearch-8.19.8-SNAPSHOT", "8.19.8"))
    script = f"""
      for option in "$@"; do case "$option" in -DoutputDirectory=*) out=${{option#*=}};; esac; done
      printf 'Progress (1): 0.1/99 MB\\rProgress (1): 50/99 MB\\rProgress (1): 99/99 MB\\r\\n'
      echo "$@" >> {folder}/calls
      cp {archive} "$out/"
    """
    monkeypatch.setenv("PATH", make_maven(folder, script)["PATH"])
    said: list[str] = []
    config = cluster_config(cache_dir=str(folder / "cache"))
    first = find_build(config, said.append, {})
    second = find_build(config, said.append, {})
    assert first == second
    assert first.home == folder / "cache" / "elasticsearch-8.19.8"
    assert os.access(first.home / "bin" / "elasticsearch", os.X_OK)
    assert [entry.name for entry in (folder / "cache").iterdir()] == ["elasticsearch-8.19.8"]
    assert said[0] == "fetching Elasticsearch 8.19.8 with Maven (once)"
    assert said[1:-1] == ["fetched 50 of 99 MB", "fetched 99 of 99 MB"]
    (call,) = (folder / "calls").read_text().splitlines()
    assert "dependency:copy -Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.8:zip " in call


def test_what_maven_complains_of_is_passed_on_and_nothing_is_left_behind(folder, monkeypatch):
    script = "echo '[INFO] trying'; echo '[ERROR] Could not find artifact x:y:zip:1.2.3'; echo '[ERROR] more'; exit 1"
    monkeypatch.setenv("PATH", make_maven(folder, script)["PATH"])
    config = cluster_config(cache_dir=str(folder / "cache"), version="1.2.3")
    with pytest.raises(ClusterProblem, match=r"Maven could not fetch \[.*:1\.2\.3:zip\]: Could not find artifact x:y"):
        find_build(config, print, {})
    assert list((folder / "cache").iterdir()) == []


def test_without_maven_one_learns_the_three_ways_out(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ClusterProblem) as told:
        find_build(cluster_config(cache_dir=str(folder)), print, {})
    assert str(told.value) == (
        "Maven is needed to fetch Elasticsearch 8.19.8 once and mvn is not on the PATH: "
        "install it (for instance `apt-get install maven`), or point ES_HOME to an installed Elasticsearch, "
        "or name a running one with --elasticsearch URL"
    )


def test_a_full_disk_is_told_before_anything_is_fetched(folder, monkeypatch):
    free_everywhere = shutil.disk_usage(folder).free
    monkeypatch.setattr(build, "FREE_BYTES_TO_UNPACK", free_everywhere * 2)
    with pytest.raises(ClusterProblem, match=r"only .* are free in .* to be unpacked: make room, or set cluster"):
        find_build(cluster_config(cache_dir=str(folder)), print, {})


def test_builds_are_kept_in_the_users_cache_folder(folder):
    make_home(folder / "lanewatch" / "elasticsearch-8.19.8", "8.19.8")
    found = find_build(cluster_config(), print, {"XDG_CACHE_HOME": str(folder)})
    assert found.home == folder / "lanewatch" / "elasticsearch-8.19.8"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands Elasticsearch to another account")
def test_roots_closed_cache_is_left_for_one_that_all_may_read(folder, monkeypatch):
    (folder / "roots").mkdir(mode=0o700)
    monkeypatch.setattr(build, "SHARED_CACHE", folder / "shared")
    make_home(folder / "shared" / "elasticsearch-8.19.8", "8.19.8")
    found = find_build(cluster_config(), print, {"XDG_CACHE_HOME": str(folder / "roots")})
    assert found.home.is_relative_to(folder / "shared")
