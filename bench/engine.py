"""Figures of the detection engine: accuracy, manners, speed and size, beside a peer's where one is at hand.

    python -m bench.engine [--nab DIR] [--telemetry DIR] [--only SECTION ...]
    python -m bench.engine --worlds [NAME ...]    (only the made-up worlds: all, or those named)

--nab and --telemetry name directories of the Numenta Anomaly Benchmark's form (CSV files and a windows.json); what is
not named is left out. Progress goes to stderr, figures to stdout. One change of the engine is judged faster by
`python -m bench.nab --data DIR --quick`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


from bench import accuracy, engine_cases, engine_speed, engine_worlds, forecasts, peer
from bench.worlds import WORLDS


def progress(text: str) -> None:
    """A line that the next one overwrites, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def title(text: str) -> None:
    """Begins a section."""
    progress("")
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


# ---- accuracy


def labelled(directory: Path | None, heading: str, option: str, *, by_family: bool) -> None:
    """Series with labels: ours with shipped defaults, and the peers on the same files."""
    title(f"{heading}, shipped defaults, one configuration for all series")
    if directory is None:
        print(f"left out: name a directory with {option}")
    else:
        accuracy.report(directory, progress, by_family=by_family)


def plain_cases() -> None:
    """Happenings whose right answer is plain."""
    title("Plain cases")
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        for each in pool.map(engine_cases.answers, range(len(engine_cases.QUESTIONS))):
            for answer in each:
                progress("")
                print(f"{answer.question:56s} {answer.figure:40s} wanted: {answer.wanted}", flush=True)


def forecast_quality() -> None:
    """Forecasts against the seasonal naive."""
    title("Forecasts beside the seasonal naive")
    forecasts.report()


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
    parser.add_argument("--telemetry", type=Path, default=os.environ.get("TELEMETRY_DATA"), help="another of its form")
    parser.add_argument("--worlds", nargs="*", metavar="NAME", help="only these made-up worlds (none named: all)")
    sections = ("nab", "telemetry", "cases", "forecast", "worlds", "peer", "speed")
    parser.add_argument("--only", nargs="+", choices=sections, default=sections, help="sections")
    args = parser.parse_args()
    if args.worlds is not None:
        unknown = set(args.worlds) - set(engine_worlds.NAMES)
        if unknown:
            parser.error(f"no such world {sorted(unknown)}; there are {', '.join(engine_worlds.NAMES)}")
        worlds(args.worlds or list(engine_worlds.NAMES))
        return 0
    run_of: dict[str, Callable[[], None]] = {
        "nab": lambda: labelled(args.nab, "Numenta Anomaly Benchmark", "--nab or NAB_DATA", by_family=False),
        "telemetry": lambda: labelled(args.telemetry, "Telemetry", "--telemetry or TELEMETRY_DATA", by_family=True),
        "cases": plain_cases,
        "forecast": forecast_quality,
        "worlds": lambda: worlds(list(engine_worlds.NAMES)),
        "peer": beside_peer,
        "speed": speed,
    }
    for name in args.only:
        run_of[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
