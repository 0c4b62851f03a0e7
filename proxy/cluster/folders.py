"""What a local node reads and writes: its folders, and the settings it starts with.

Starting it is node.py's matter.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from proxy.cluster.account import Account, is_open_to_all
from proxy.cluster.build import Build
from proxy.cluster.problem import ClusterProblem
from proxy.units import format_bytes

LOOPBACK = "127.0.0.1"
FREE_BYTES_TO_RUN = 512 << 20
TEMPORARY_PREFIX = "lanewatch-"
LOCK_NAME = "lanewatch.lock"
# Younger folders may belong to a start that has not locked its own yet.
LEFT_BEHIND_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Folders:
    """A node's things, all below one folder that `lock` keeps for it alone."""

    root: Path
    is_temporary: bool
    lock: IO[str]

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def scratch(self) -> Path:
        return self.root / "tmp"

    @property
    def output(self) -> Path:
        return self.logs / "console.log"

    @property
    def ports(self) -> Path:
        """Where the node writes the address that it listens on."""
        return self.logs / "http.ports"

    def for_the_node(self) -> tuple[Path, ...]:
        return (self.config, self.data, self.logs, self.scratch)

    def release(self) -> None:
        """Lets others have the folder; a temporary one goes."""
        self.lock.close()
        if self.is_temporary:
            shutil.rmtree(self.root, ignore_errors=True)


def prepare_folders(data_dir: Path | None, account: Account | None) -> Folders:
    """The folders below `data_dir`, or below a temporary one; config and scratch start afresh each time.

    Raises ClusterProblem where they cannot be used.
    """
    remove_left_behind()
    root = made_root(data_dir, account)
    free = shutil.disk_usage(root).free
    if free < FREE_BYTES_TO_RUN:
        raise ClusterProblem(
            f"only {format_bytes(free)} are free in [{root}] and Elasticsearch needs "
            f"{format_bytes(FREE_BYTES_TO_RUN)}: make room, or choose another folder with --data"
        )
    folders = Folders(root, is_temporary=data_dir is None, lock=locked(root))
    for folder in (folders.config, folders.scratch):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in folders.for_the_node():
        folder.mkdir(exist_ok=True)
    folders.ports.unlink(missing_ok=True)
    return folders


def remove_left_behind() -> None:
    """Removes the temporary folders of those who were killed before they could do so themselves."""
    newest = time.time() - LEFT_BEHIND_AFTER_S
    for root in Path(tempfile.gettempdir()).glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(ClusterProblem, OSError):  # it is in use, or another start removes it
            changed = (root / LOCK_NAME).stat().st_mtime
            if root.lstat().st_uid == os.geteuid() and changed < newest:
                locked(root).close()
                shutil.rmtree(root, ignore_errors=True)


def made_root(data_dir: Path | None, account: Account | None) -> Path:
    root = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX)) if data_dir is None else data_dir.expanduser().resolve()
    is_ours = data_dir is None or not root.exists()
    existing = next(place for place in (root, *root.parents) if place.exists() and not (place == root and is_ours))
    if account and not is_open_to_all(existing):
        raise ClusterProblem(
            f"Elasticsearch does not run as root and the account [{account.name}] may not enter [{existing}]: "
            "choose another folder with --data"
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        if is_ours:
            root.chmod(0o755)
    except OSError as error:
        raise unwritable(root, error) from error
    return root


def locked(root: Path) -> IO[str]:
    """The folder's lock, held until it is closed here and in the node, which inherits it."""
    try:
        lock = (root / LOCK_NAME).open("w")
    except OSError as error:
        raise unwritable(root, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ClusterProblem(
            f"another Elasticsearch uses the folder [{root}]: stop it, or choose another folder with --data"
        ) from error
    return lock


def unwritable(root: Path, error: OSError) -> ClusterProblem:
    return ClusterProblem(f"cannot write in [{root}] ({error.strerror}): choose another folder with --data")


@dataclass(frozen=True, slots=True)
class Additions:
    """What one start wants besides: settings of the node, and text at the end of files of its configuration."""

    settings: Mapping[str, str]
    files: Mapping[str, str]


NO_ADDITIONS = Additions({}, {})


def write_config(build: Build, folders: Folders, port: int, additions: Additions) -> None:
    """A private copy of the build's own configuration with our settings in place of its elasticsearch.yml."""
    shutil.copytree(build.home / "config", folders.config, dirs_exist_ok=True)
    jvm_options = folders.config / "jvm.options"
    if jvm_options.is_file():  # builds before 8.14 log below their own folder, which is not ours to write
        text = jvm_options.read_text().replace("=logs/", f"={folders.logs}/")
        jvm_options.write_text(text.replace("HeapDumpPath=data", f"HeapDumpPath={folders.data}"))
    settings = {**node_settings(build, folders, port), **additions.settings}
    lines = [f"{name}: {value}\n" for name, value in settings.items()]
    (folders.config / "elasticsearch.yml").write_text("".join(lines))
    for name, text in additions.files.items():
        with (folders.config / name).open("a") as file:
            file.write(text)


def node_settings(build: Build, folders: Folders, port: int) -> dict[str, object]:
    settings: dict[str, object] = {
        "cluster.name": "lanewatch",
        "node.name": "lanewatch",
        "node.portsfile": "true",
        "path.data": folders.data,
        "path.logs": folders.logs,
        "network.host": LOOPBACK,
        "http.port": port,
        "transport.port": 0,
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        # The defaults are shares of the disk, and stop a node on a large disk that is 90 % full.
        "cluster.routing.allocation.disk.watermark.low": "400mb",
        "cluster.routing.allocation.disk.watermark.high": "300mb",
        "cluster.routing.allocation.disk.watermark.flood_stage": "200mb",
    }
    if build.has_module("x-pack-ml"):
        settings["xpack.ml.enabled"] = "false"  # two writers of the same results would spoil both
    if build.has_module("ingest-geoip"):
        settings["ingest.geoip.downloader.enabled"] = "false"
    return settings
