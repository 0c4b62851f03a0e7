"""Which Java runs a build: the one asked for, the build's own, or the oldest suitable one installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from proxy.cluster.account import is_open_to_all
from proxy.cluster.build import Build
from proxy.cluster.problem import ClusterProblem

INSTALL_PATTERNS = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
)
# "17.0.15", but "1.8.0_292" for Java 8
VERSION_TEXT = re.compile(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)')


def find_java(build: Build, environ: Mapping[str, str] = os.environ) -> Path:
    """The home of a Java that this build starts on; raises ClusterProblem where there is none.

    ES_JAVA_HOME is an order: it is refused, not passed over, where it does not suit.
    JAVA_HOME is a suggestion that other programs share.
    """
    needed = needed_java(build)
    ordered = environ.get("ES_JAVA_HOME")
    if ordered:
        found = java_major(Path(ordered))
        if found is None or found < needed:
            raise ClusterProblem(
                f"Elasticsearch {build.version} needs Java {needed} or later but ES_JAVA_HOME [{ordered}] "
                f"{'holds none' if found is None else f'is Java {found}'}: unset it or name another"
            )
        return Path(ordered)
    seen = []
    for home in (build.home / "jdk", *suggested_homes(environ), *installed_homes()):
        major = java_major(home)
        if major is None:
            continue
        if major >= needed and (os.geteuid() != 0 or is_open_to_all(home)):
            return home
        seen.append(f"Java {major} in {home}")
    raise ClusterProblem(
        f"Elasticsearch {build.version} needs Java {needed} or later and there is "
        f"{'only ' + ', '.join(seen) if seen else 'none'}: install one "
        f"(for instance `apt-get install openjdk-{needed}-jre-headless`) or point ES_JAVA_HOME to it"
    )


def needed_java(build: Build) -> int:
    return 17 if build.major <= 8 else 21


def suggested_homes(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"])
    command = shutil.which("java", path=environ.get("PATH"))
    if command:
        yield Path(command).resolve().parent.parent


def installed_homes() -> list[Path]:
    """All installed ones, oldest first: a build is best tried on the Java of its own days."""
    homes: dict[Path, int] = {}
    for pattern in INSTALL_PATTERNS:
        spelled = Path(pattern).expanduser()
        for home in Path(spelled.anchor).glob(str(spelled.relative_to(spelled.anchor))):
            major = java_major(home)
            if major is not None:
                homes.setdefault(home.resolve(), major)
    return sorted(homes, key=lambda home: (homes[home], home))


def java_major(home: Path) -> int | None:
    """The major version of the Java in `home`, from its release file or else its own word; None if it is none."""
    command = home / "bin" / "java"
    try:
        if not os.access(command, os.X_OK):
            return None
        release = home / "release"
        text = release.read_text() if release.is_file() else version_output(command)
    except OSError:
        return None
    match = VERSION_TEXT.search(text)
    return int(match[1]) if match else None


def version_output(command: Path) -> str:
    return subprocess.run([command, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
