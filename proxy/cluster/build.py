"""Which Elasticsearch software to run: an installed one, else the build that Maven coordinates name.

A build is fetched once, with Maven, and kept unpacked in a cache folder. Nothing here starts it.
"""

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.cluster.account import is_open_to_all
from proxy.cluster.maven import Coordinates, fetch
from proxy.cluster.problem import ClusterProblem
from proxy.config import ClusterConfig
from proxy.units import format_bytes

# A build of 100 MB is fetched, copied and unpacked; complete ones are several times larger.
FREE_BYTES_TO_UNPACK = 1 << 30
SHARED_CACHE = Path("/var/cache/lanewatch")
SERVER_JAR = re.compile(r"elasticsearch-(\d+\.\d+\.\d+)(?:-.*)?\.jar")

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Build:
    """An unpacked Elasticsearch."""

    home: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def has_module(self, name: str) -> bool:
        return (self.home / "modules" / name).is_dir()


def find_build(config: ClusterConfig, report: Report, environ: Mapping[str, str] = os.environ) -> Build:
    """The installed build that the config or ES_HOME names, else the cached or fetched one.

    Raises ClusterProblem.
    """
    installed = config.es_home or environ.get("ES_HOME")
    if installed:
        return installed_build(Path(installed).expanduser())
    cache = cache_folder(config, environ)
    home = cache / f"{config.artifact}-{config.version}"
    if not home.is_dir():
        fetch_build(config, home, report)
    return installed_build(home)


def installed_build(home: Path) -> Build:
    """The build in `home`; raises ClusterProblem where it is none or may not be read."""
    if not (home / "bin" / "elasticsearch").is_file():
        raise ClusterProblem(f"there is no Elasticsearch in [{home}]: point ES_HOME to its folder or unset it")
    if not (home / "config").is_dir():
        raise ClusterProblem(
            f"the Elasticsearch in [{home}] is a system's package with its configuration elsewhere: "
            "start it as a service and name it with --elasticsearch URL, or point ES_HOME to an unpacked archive"
        )
    if os.geteuid() == 0 and not is_open_to_all(home):
        raise ClusterProblem(
            f"Elasticsearch does not run as root and other users may not read [{home}]: "
            f"move it, or open it with `chmod o+rx` on that folder and those above it"
        )
    versions = [match[1] for jar in (home / "lib").glob("*.jar") if (match := SERVER_JAR.fullmatch(jar.name))]
    if not versions:
        raise ClusterProblem(f"the Elasticsearch in [{home}] is incomplete: remove the folder and start again")
    return Build(home.resolve(), versions[0])


def cache_folder(config: ClusterConfig, environ: Mapping[str, str]) -> Path:
    """Where unpacked builds are kept; root's own cache is often closed to the account that runs them."""
    if config.cache_dir:
        return made(Path(config.cache_dir).expanduser())
    user_cache = Path(environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = made(user_cache / "lanewatch")
    if os.geteuid() == 0 and not is_open_to_all(folder):
        return made(SHARED_CACHE)
    return folder


def made(folder: Path) -> Path:
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o755)  # the account that runs the build must read it, whatever our umask is
    except OSError as error:
        raise ClusterProblem(
            f"cannot make the folder [{folder}] ({error.strerror}): set cluster.cache_dir to one that you may write"
        ) from error
    return folder


def fetch_build(config: ClusterConfig, home: Path, report: Report) -> None:
    """Fetches and unpacks beside `home` and moves it there in one step, so that nobody sees half a build."""
    free = shutil.disk_usage(home.parent).free
    if free < FREE_BYTES_TO_UNPACK:
        raise ClusterProblem(
            f"only {format_bytes(free)} are free in [{home.parent}] and Elasticsearch needs "
            f"{format_bytes(FREE_BYTES_TO_UNPACK)} to be unpacked: make room, or set cluster.cache_dir"
        )
    coordinates = Coordinates(config.group, config.artifact, config.version)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".fetch-") as scratch:
        archive = fetch(coordinates, Path(scratch), report)
        report(f"unpacking {archive.name} into {home}")
        unpacked = unpack(archive, Path(scratch) / "unpacked")
        try:
            unpacked.rename(home)
        except OSError:
            if not home.is_dir():  # else another start was first, with the same files
                raise


def unpack(archive: Path, target: Path) -> Path:
    """The one folder that `archive` holds, with its files' modes, which zipfile would drop."""
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            path = Path(bundle.extract(entry, target))
            path.chmod((entry.external_attr >> 16) & 0o777 or (0o755 if entry.is_dir() else 0o644))
    folders = [folder for folder in target.iterdir() if folder.is_dir()]
    if len(folders) != 1:
        raise ClusterProblem(f"[{archive.name}] is not an Elasticsearch build: check the coordinates in [cluster]")
    return folders[0]
