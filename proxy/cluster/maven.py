"""Fetching one archive by its coordinates with the user's own Maven, which knows the user's repositories."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from proxy.cluster.problem import ClusterProblem

PROGRESS = re.compile(r"Progress \(\d+\): ([\d.]+)/([\d.]+) MB")


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
        "-Dstyle.color=never",
        "dependency:copy",
        f"-Dartifact={coordinates}",
        f"-DoutputDirectory={folder}",
        "-Dmdep.useBaseVersion=true",
    ]
    complaint = run_maven(command, folder, report)
    archives = list(folder.glob("*.zip"))
    if not archives:
        raise ClusterProblem(f"Maven could not fetch [{coordinates}]: {complaint}")
    return archives[0]


def run_maven(command: list[str], folder: Path, report: Callable[[str], None]) -> str:
    """Runs Maven in `folder`, which holds no project; returns what it said went wrong, or else its last words."""
    complaint = last_words = ""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as maven:
        assert maven.stdout is not None, "it is a pipe"
        try:
            for line in without_most_progress(output_lines(maven.stdout), report):
                complaint = complaint or line.partition("[ERROR]")[2].strip()
                last_words = line.strip() or last_words
        except BaseException:
            maven.terminate()
            raise
    return complaint or last_words


def without_most_progress(lines: Iterator[str], report: Callable[[str], None]) -> Iterator[str]:
    """The lines that are not progress; of those that are, `report` hears one for every tenth."""
    reported_tenth = 0
    for line in lines:
        progress = PROGRESS.search(line)
        if progress is None:
            yield line
            continue
        tenth = int(10 * float(progress[1]) / float(progress[2]))
        if tenth > reported_tenth:
            report(f"fetched {progress[1]} of {progress[2]} MB")
            reported_tenth = tenth


def output_lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines of Maven's output, whose progress ends in a carriage return."""
    pending = b""
    while chunk := stream.read1(4096):  # type: ignore[attr-defined]
        *lines, pending = re.split(rb"[\r\n]+", pending + chunk)
        yield from (line.decode(errors="replace") for line in lines)
    yield pending.decode(errors="replace")
