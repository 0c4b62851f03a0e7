"""A peer on the same series in the same run: the thresholded Random Cut Forest of the JVM, as OpenSearch uses it.

rcf/RandomCutForestScores.java runs it; Maven fetches the library, which is no part of this project. Settings: shingle
8, 50 trees of 256 samples, output after 32 values, values normalised (TransformMethod NORMALIZE) or as they are
(NONE), everything else as the library has it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import engine_worlds
from bench.worlds import START, WORLDS, World
from proxy.engine.results import Floats

HERE = Path(__file__).parent / "rcf"
# The peer knows neither gaps nor counts of few; these worlds ask of it what it is made for.
FAIR = ("noise", "day", "days_and_weeks", "office_hours", "period_8h", "drift", "wandering", "lognormal", "counts_busy")
# Alarms a clean series may give in 30 days when the two are compared.
ALARMS_A_MONTH = 1.0


class PeerMissing(Exception):
    """There is no peer to compare with; the text says why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the peer needs: rows per second of one thread, bytes of live heap per series."""

    rows: int
    rate: float
    bytes_per_series: int


@contextmanager
def libraries() -> Iterator[Path]:
    """A directory with the peer's libraries; raises PeerMissing."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise PeerMissing(f"{program} is not installed")
    with tempfile.TemporaryDirectory() as target:
        shutil.copy(HERE / "pom.xml", target)
        copied = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libraries"],
            cwd=target,
            capture_output=True,
            text=True,
            check=False,
        )
        if copied.returncode:
            first = next(iter(copied.stdout.strip().splitlines()), "no reason given")
            raise PeerMissing(f"maven could not fetch the library: {first[:200]}")
        yield Path(target) / "libraries"


def score_directory(found: Path, data: Path, out: Path, transform: str) -> Cost:
    """Scores every CSV below `data` into out/score and out/grade."""
    command = ["java", "-XX:+UseSerialGC", "-cp", f"{found}/*", str(HERE / "RandomCutForestScores.java")]
    ran = subprocess.run([*command, str(data), str(out), transform], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise PeerMissing(f"the peer failed: {ran.stderr.strip()[-300:]}")
    rows, rate, size = ran.stdout.split()
    return Cost(int(rows), float(rate), int(size))


@dataclass(frozen=True, slots=True)
class Alarms:
    """Scores of one detector on one world: everything of the clean form, the spikes of the spiked one."""

    clean: Floats
    spikes: Floats
    series_months: float

    def found_at(self, threshold: float) -> float:
        """Share of the spikes beyond a threshold."""
        return float(np.mean(self.spikes > threshold))

    def threshold(self) -> float:
        """The score that a clean series exceeds ALARMS_A_MONTH times in 30 days."""
        allowed = int(ALARMS_A_MONTH * self.series_months)
        return float(np.sort(self.clean.reshape(-1))[::-1][allowed])


def of_all(each: list[Alarms]) -> Alarms:
    """Several worlds as one: a single threshold must do for all."""
    return Alarms(
        np.concatenate([a.clean.reshape(-1) for a in each]),
        np.concatenate([a.spikes for a in each]),
        sum(a.series_months for a in each),
    )


def _times(world: World, values: Floats) -> np.ndarray:
    return START + world.span * np.arange(len(values), dtype=np.int64)


def own_alarms(world: World) -> Alarms:
    """Ours, by what the records say first."""
    clean, (spiked, at) = world.clean(), world.spiked()
    scores, spikes = (engine_worlds.first_scores(world, values) for values in (clean, spiked))
    return Alarms(scores, spikes[at], clean.size * world.span / (30 * 86400))


def write_worlds(target: Path) -> None:
    """The fair worlds as CSV files: NAME/clean/SEED.csv and NAME/spiked/SEED.csv."""
    for name in FAIR:
        world = WORLDS[name]
        for form, values in (("clean", world.clean()), ("spiked", world.spiked()[0])):
            directory = target / name / form
            directory.mkdir(parents=True)
            for seed, column in enumerate(values.T):
                rows = zip(_times(world, values), column, strict=True)
                text = "".join(f"{time},{value!r}\n" for time, value in ((int(t), float(v)) for t, v in rows))
                (directory / f"{seed:02d}.csv").write_text("timestamp,value\n" + text)


def read_alarms(scores: Path, world: World) -> Alarms:
    """The peer's, by its score."""

    def read(form: str) -> Floats:
        files = sorted((scores / world.name / form).glob("*.csv"))
        return np.stack([np.loadtxt(f, delimiter=",", skiprows=1, usecols=1) for f in files], axis=1)

    clean, spiked = read("clean"), read("spiked")
    return Alarms(clean, spiked[len(spiked) - 3], clean.size * world.span / (30 * 86400))
