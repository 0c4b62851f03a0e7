"""Figures of the detection engine: accuracy, manners, speed and size, beside a peer's where one is at hand.

    python -m bench.engine [--nab DIR] [--only SECTION ...]
    python -m bench.engine --worlds [NAME ...]    (only the made-up worlds: all, or those named)

--nab names a directory of the Numenta Anomaly Benchmark's form (CSV files and a windows.json); without it that
part is left out. Progress goes to stderr, figures to stdout.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench import data, engine_speed, engine_worlds, nab, nab_score, peer
from bench.worlds import WORLDS

DATA_RECORDS = 200_000


def progress(text: str) -> None:
    """A line that the next one overwrites, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def title(text: str) -> None:
    """Begins a section."""
    progress("")
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


# ---- accuracy


def accuracy(directory: Path | None) -> None:
    """NAB: ours with shipped defaults, then the peer on the same files."""
    title("Numenta Anomaly Benchmark, shipped defaults, one configuration for all series")
    if directory is None:
        print("left out: name a directory with --nab or NAB_DATA")
        return
    with tempfile.TemporaryDirectory() as out:
        files = sum(1 for _ in directory.rglob("*.csv"))
        for done, name in enumerate(nab.score_directory(directory, Path(out), jobs=os.cpu_count() or 1), 1):
            progress(f"{done}/{files} {name}")
        progress("scoring")
        report = nab_score.report(directory, Path(out))
        progress("")
        print(_PROFILE_HEADER)
        print(_profiles("ours", report))
        try:
            _peer_accuracy(directory)
        except peer.PeerMissing as missing:
            print(f"Random Cut Forest left out: {missing}")
    print(f"\nours at the one threshold {report.threshold:.6f}, standard profile:")
    print(f"{'':58s} {'score':>6s} {'windows':>8s} {'false alarms':>13s}")
    for part in (*report.directories, *report.series):
        print(f"{part.name:58s} {part.score:6.1f} {part.found:4d}/{part.windows:<3d} {part.false_alarms:13d}")


_PROFILE_HEADER = (
    f"{'':34s} {'standard':>8s} {'low FP':>8s} {'low FN':>8s} | threshold transferred: mean (halves), random halves"
)


def _profiles(name: str, report: nab_score.Report) -> str:
    scores = " ".join(f"{report.profiles[p]:8.1f}" for p in nab_score.PROFILES)
    first, second = report.transferred
    mean, deviation = report.resampled
    return (
        f"{name:34s} {scores} | {np.mean(report.transferred):.1f} ({first:.1f}, {second:.1f}), "
        f"{mean:.1f} +- {deviation:.1f}"
    )


def _peer_accuracy(directory: Path) -> None:
    with peer.libraries() as found:
        for transform in ("NORMALIZE", "NONE"):
            progress(f"Random Cut Forest, {transform}")
            with tempfile.TemporaryDirectory() as out:
                peer.score_directory(found, directory, Path(out), transform)
                for kind in ("score", "grade"):
                    report = nab_score.report(directory, Path(out) / kind)
                    progress("")
                    print(_profiles(f"Random Cut Forest {transform}, {kind}", report), flush=True)


# ---- speed and size


def speed() -> None:
    """Throughput and size."""
    title("Speed on one core (CPU time) and size")
    rate, size = engine_speed.model_speed()
    _figure("full model, 10,000 series", rate, "series x buckets / s (floor 100,000, goal 300,000)")
    _figure("full model, a series alone", engine_speed.model_speed(1, 2000)[0], "series x buckets / s")
    _figure("state of a five-minute series", size, "bytes (floor 6,000, goal 4,000)")
    for name, alike in engine_speed.features():
        progress(f"aggregation, {name}")
        _figure(f"aggregation, {name}", engine_speed.aggregation_speed(name), f"records / s ({alike})")
    for shape, (entities, is_sorted) in engine_speed.SHAPES.items():
        rate = engine_speed.aggregation_speed("median", entities, is_sorted=is_sorted)
        _figure(f"aggregation, median, {shape}", rate, "records / s")
    for name, detector in engine_speed.JOBS.items():
        progress(f"whole job, {name}")
        _figure(f"whole job, {name}", engine_speed.job_speed(detector), "records / s")


def _figure(name: str, value: float, unit: str) -> None:
    progress("")
    print(f"{name:44s} {value:14,.0f}  {unit}", flush=True)


def end_to_end() -> None:
    """_data over HTTP with a real cluster behind."""
    title("_data end to end")
    try:
        data.main(["--records", str(DATA_RECORDS)])
    except (RuntimeError, OSError) as missing:
        print(f"left out: {missing}")


# ---- manners


def worlds(names: list[str]) -> None:
    """Quiet on clean months, prompt on spikes, quick to accept what changed for good."""
    title(
        "Made-up worlds, 20 seeds each (! misses: <= 1 record >= 75 a series-month, every spike >= 75, 48 h to quiet)"
    )
    print(engine_worlds.HEADER)
    verdicts = []
    for verdict in engine_worlds.judge_all(names):
        verdicts.append(verdict)
        progress("")
        print(engine_worlds.line(verdict), flush=True)
        progress(f"{len(verdicts)}/{len(names)}")
    progress("")
    print(engine_worlds.summary(verdicts))


def beside_peer() -> None:
    """Spikes found by ours and the peer at the same rate of false alarms."""
    title(
        f"Ours beside the Random Cut Forest: 8 sigma spikes found at {peer.ALARMS_A_MONTH:g} false alarm a series-month"
    )
    try:
        with peer.libraries() as found, tempfile.TemporaryDirectory() as place:
            progress("writing worlds")
            peer.write_worlds(Path(place) / "data")
            progress("Random Cut Forest")
            cost = peer.score_directory(found, Path(place) / "data", Path(place) / "out", "NORMALIZE")
            _compare(Path(place) / "out" / "score")
    except peer.PeerMissing as missing:
        print(f"left out: {missing}")
        return
    _figure("Random Cut Forest, rows of one thread", cost.rate, "series x buckets / s")
    _figure("Random Cut Forest, state of a series", cost.bytes_per_series, "bytes of live heap")


def _compare(scores: Path) -> None:
    progress("")
    print(f"{'':16s} {'ours':>6s} {'peer':>6s}")
    both: list[tuple[peer.Alarms, peer.Alarms]] = []
    for name in peer.FAIR:
        both.append((peer.own_alarms(WORLDS[name]), peer.read_alarms(scores, WORLDS[name])))
        shares = " ".join(f"{alarms.found_at(alarms.threshold()):6.0%}" for alarms in both[-1])
        print(f"{name:16s} {shares}", flush=True)
    pooled = [peer.of_all([pair[side] for pair in both]) for side in (0, 1)]
    shares = " ".join(f"{alarms.found_at(alarms.threshold()):6.0%}" for alarms in pooled)
    print(f"{'one threshold':16s} {shares}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nab", type=Path, default=os.environ.get("NAB_DATA"), help="directory with windows.json")
    parser.add_argument("--worlds", nargs="*", metavar="NAME", help="only these made-up worlds (none named: all)")
    parser.add_argument("--only", nargs="+", choices=("nab", "speed", "worlds", "peer", "data"), help="sections")
    args = parser.parse_args()
    if args.worlds is not None:
        unknown = set(args.worlds) - set(engine_worlds.NAMES)
        if unknown:
            parser.error(f"no such world {sorted(unknown)}; there are {', '.join(engine_worlds.NAMES)}")
        worlds(args.worlds or list(engine_worlds.NAMES))
        return 0
    sections: dict[str, list[Callable[[], None]]] = {
        "nab": [lambda: accuracy(Path(args.nab) if args.nab else None)],
        "speed": [speed],
        "worlds": [lambda: worlds(list(engine_worlds.NAMES))],
        "peer": [beside_peer],
        "data": [end_to_end],
    }
    for name in args.only or sections:
        for section in sections[name]:
            section()
    return 0


if __name__ == "__main__":
    sys.exit(main())
