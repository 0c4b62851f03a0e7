"""As whom Elasticsearch runs: it refuses root, so root hands it to an unprivileged account.

Nothing here starts anything; node.py does.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from proxy.cluster.problem import ClusterProblem

ACCOUNT_NAME = "lanewatch"
READ_AND_ENTER = stat.S_IROTH | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Account:
    """An account to switch to; without one the caller's own is used."""

    name: str
    uid: int
    gid: int

    def own(self, folder: Path) -> None:
        """Gives `folder` and all below it to this account."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def unprivileged_account() -> Account | None:
    """None unless we are root; then the system account `lanewatch`, made where it is missing."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        make_account()
        entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def make_account() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    remedy = f"make a system account [{ACCOUNT_NAME}], or start lanewatch as another user"
    if useradd is None:
        raise ClusterProblem(f"Elasticsearch does not run as root and useradd is missing: {remedy}")
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode not in (0, USERADD_EXISTS):
        raise ClusterProblem(f"Elasticsearch does not run as root and useradd failed ({made.stderr.strip()}): {remedy}")


USERADD_EXISTS = 9  # another start made it in the same moment


def is_open_to_all(path: Path) -> bool:
    """Whether every account may enter the folder `path` and those above it, as ours will have to."""
    resolved = path.resolve()
    if not all(place.stat().st_mode & stat.S_IXOTH for place in resolved.parents):
        return False
    return resolved.stat().st_mode & READ_AND_ENTER == READ_AND_ENTER
