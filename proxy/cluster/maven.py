"""Fetching one archive by its coordinates with the user's own Maven, which knows the user's repositories."""

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from proxy.cluster.problem import ClusterProblem

PROGRESS = re.compile(r"Progress \(\d+\): ([\d.]+)/([\d.]+) MB")
SHOWN_ERROR_LINES = 3


@dataclass(frozen=True, slots=True)
class Coordinates:
    group: str
    artifact: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}:zip"


def fetch(coordinates: Coordinates, folder: Path, report: Callable[[str], None]) -> Path:
    """The archive, copied into `folder`; `report` hears of progress. Raises ClusterProblem."""
    maven = shutil.which("mvn")
    if maven is None:
        raise ClusterProblem(
            f"Maven is needed to fetch Elasticsearch {coordinates.version} once and mvn is not on the PATH: "
            "install it (for instance `apt-get install maven`), or point ES_HOME to an installed Elasticsearch, "
            "or name a running one with --elasticsearch URL"
        )
    report(f"fetching Elasticsearch {coordinates.version} with Maven (once)")
    command = [
        maven,
        "dependency:copy",
        f"-Dartifact={coordinates}",
        f"-DoutputDirectory={folder}",
        "-Dmdep.useBaseVersion=true",
    ]
    errors = run_maven(command, folder, report)
    archives = list(folder.glob("*.zip"))
    if not archives:
        raise ClusterProblem(f"Maven could not fetch [{coordinates}]: {errors or 'it copied no archive'}")
    return archives[0]


def run_maven(command: list[str], folder: Path, report: Callable[[str], None]) -> str:
    """Runs Maven in `folder`, which holds no project, and returns what it said went wrong."""
    errors: deque[str] = deque(maxlen=SHOWN_ERROR_LINES)
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as maven:
        assert maven.stdout is not None
        reported_tenth = 0
        for line in output_lines(maven.stdout):
            progress = PROGRESS.search(line)
            if progress:
                tenth = int(10 * float(progress[1]) / float(progress[2]))
                if tenth > reported_tenth:
                    report(f"fetched {progress[1]} of {progress[2]} MB")
                    reported_tenth = tenth
            elif "[ERROR]" in line and not errors:
                errors.append(line.partition("[ERROR]")[2].strip())
    return " ".join(errors) if maven.returncode else ""


def output_lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines of Maven's output, whose progress ends in a carriage return."""
    pending = b""
    while chunk := stream.read1(4096):  # type: ignore[attr-defined]
        *lines, pending = re.split(rb"[\r\n]+", pending + chunk)
        yield from (line.decode(errors="replace") for line in lines)
    yield pending.decode(errors="replace")
