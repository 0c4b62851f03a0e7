"""Figures of the detection engine: accuracy, manners, speed and size.

    python -m bench.engine [--nab DIR]
    python -m bench.engine --worlds [NAME ...]    (only the made-up worlds: all, or those named)

--nab names a directory of the Numenta Anomaly Benchmark's form (CSV files and a windows.json); without it that
part is left out. Speed is CPU time of one thread, so that a busy machine does not count against the engine.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench import engine_worlds, nab, nab_score
from bench.worlds import WORLDS
from proxy.engine.buckets import aggregate
from proxy.engine.models.series import SeriesModel
from proxy.engine.results import Column
from proxy.engine.rows import RowSet
from proxy.engine.spec import JobSpec

SERIES = 10_000
RECORDS = 1_000_000


def accuracy(data: Path) -> Iterator[tuple[str, float, str]]:
    """NAB by profile, transferred and by series."""
    with tempfile.TemporaryDirectory() as out:
        nab.score_directory(data, Path(out), jobs=1)
        for name, value in nab_score.report(data, Path(out)).items():
            yield f"nab {name}", value, "points"


def model_speed() -> tuple[float, float]:
    """(series x buckets per second of the full model, bytes of state per series) at 10,000 five-minute series."""
    rng = np.random.default_rng(0)
    model = SeriesModel(300, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.columns.grow_to(SERIES)
    rows, ones = np.arange(SERIES), np.ones(SERIES)
    base = rng.normal(100.0, 20.0, SERIES)
    values = [base + rng.normal(0.0, 3.0, SERIES) for _ in range(20)]

    def steps(first: int, count: int) -> float:
        started = time.process_time()
        for i in range(first, first + count):
            judged = model.judge(i * 300, rows, values[i % len(values)])
            model.learn(i * 300, judged, ones)
        return time.process_time() - started

    steps(0, 60)
    # Eleven days older, so that every pattern takes part.
    model.columns["first"][:] -= 11 * 86400
    return SERIES * 60 / steps(60, 60), float(model.columns.bytes_per_series())


def aggregation_speed(function: str) -> float:
    """Records per second from columns to features of 1,000 series in 10 buckets."""
    rng = np.random.default_rng(1)
    config = {
        "analysis_config": {
            "bucket_span": "1h",
            "detectors": [
                {"function": function, "field_name": None if function == "count" else "v", "by_field_name": "k"}
            ],
        }
    }
    spec = JobSpec.from_config(config)
    keys = Column(rng.integers(0, 1000, RECORDS).astype(np.int32), [f"key {i}" for i in range(1000)])
    rows = RowSet(np.sort(rng.integers(0, 36_000, RECORDS)), {"k": keys, "v": keys}, {"v": rng.normal(size=RECORDS)})
    started = time.process_time()
    aggregate(rows, spec.detectors[0], spec.bucket_span, None)
    return RECORDS / (time.process_time() - started)


def manners() -> Iterator[tuple[str, float, str]]:
    """The synthetic suite beyond single series."""
    for name, value in engine_worlds.crowds():
        yield f"clean month, {name}", value, "records >= 75 (at most 1)"


def worlds(names: list[str]) -> None:
    """Quiet on clean months, prompt on spikes, quick to accept what changed for good."""
    print(engine_worlds.HEADER)
    for verdict in engine_worlds.judge_all(names):
        print(engine_worlds.line(verdict), flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nab", type=Path, default=os.environ.get("NAB_DATA"), help="directory with windows.json")
    parser.add_argument("--worlds", nargs="*", metavar="NAME", help="only these made-up worlds (none named: all)")
    args = parser.parse_args()
    if args.worlds is not None:
        unknown = set(args.worlds) - set(WORLDS)
        if unknown:
            parser.error(f"no such world {sorted(unknown)}; there are {', '.join(WORLDS)}")
        worlds(args.worlds or list(WORLDS))
        return 0
    sections: list[Callable[[], Iterator[tuple[str, float, str]]]] = [speed, manners]
    if args.nab:
        sections.append(lambda: accuracy(Path(args.nab)))
    for section in sections:
        for name, value, unit in section():
            print(f"{name:62s} {value:14,.1f}  {unit}", flush=True)
    worlds(list(WORLDS))
    if not args.nab:
        print("nab left out: name a directory with --nab or NAB_DATA")
    return 0


def speed() -> Iterator[tuple[str, float, str]]:
    """Throughput and size."""
    rate, size = model_speed()
    yield "full model, 10,000 series", rate, "series x buckets / s (floor 100,000, goal 300,000)"
    yield "state of a five-minute series", size, "bytes (floor 6,000, goal 4,000)"
    for function in ("count", "mean", "max", "median", "distinct_count"):
        yield f"aggregation, {function}", aggregation_speed(function), "records / s (floor 1,000,000, goal 5,000,000)"


if __name__ == "__main__":
    sys.exit(main())
