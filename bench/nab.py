"""What users read about every series of a labelled directory (the form of the Numenta benchmark), judged both ways.

    python -m bench.nab --data DIR [--out DIR]           all series; writes OUT/<path of the series> as well
    python -m bench.nab --data DIR --quick               a sample of each folder, some 12,000 rows: under a minute
    python -m bench.nab --data DIR --series NAME ...     those whose path contains one of the names

Written are timestamp, anomaly_score (initial_record_score / 100), bucket_score (the bucket's initial_anomaly_score /
100) and typical, one line per data row. With a windows.json in DIR the figures of nab_score.py and event_score.py
follow, with the series at the common threshold; DIR may be given several times. A change of the engine is judged by
`--quick` first; a line of a few series proves little: variants differ by 1.5 points without meaning.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench import event_score, nab_score
from bench.labels import Labelled, read_labels
from bench.series import Scored, is_echo, read, score
from proxy.engine.results import Floats

QUICK_ROWS = 12_000


def find(data: Path) -> list[Path]:
    """Every series below a directory, the longest first, so that all cores end at the same time."""
    return sorted((p.relative_to(data) for p in data.rglob("*.csv")), key=lambda p: (-(data / p).stat().st_size, p))


def sample(data: Path, files: Sequence[Path], rows: int = QUICK_ROWS) -> list[Path]:
    """Series of all folders in turn, each folder's shortest first, as long as they have no more rows than that."""
    by_folder: dict[Path, list[Path]] = {}
    for file in sorted(files, key=lambda p: ((data / p).stat().st_size, p)):
        by_folder.setdefault(file.parent, []).append(file)
    chosen, left = [], rows
    for file in (f for turn in zip_longest(*by_folder.values()) for f in turn if f is not None):
        length = (data / file).read_bytes().count(b"\n")
        if length <= left:
            chosen.append(file)
            left -= length
    return chosen


def _score_file(data: Path, file: Path) -> Scored:
    series = read(data / file)
    return score(series.times, series.values)


def score_files(data: Path, files: Sequence[Path], processes: int) -> Iterator[tuple[Path, Scored]]:
    """Scores of each series, in the order given."""
    work = partial(_score_file, data)
    if processes <= 1:
        yield from zip(files, map(work, files), strict=True)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(files, pool.map(work, files), strict=True)


def write(data: Path, out: Path, file: Path, scored: Scored) -> None:
    """The scores of one series as a CSV file at the same place below `out`."""
    target = out / file
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(("timestamp", "anomaly_score", "bucket_score", "typical"))
        columns = (scored.record / 100.0, scored.bucket / 100.0, scored.typical)
        cells = ([f"{x:.9g}" for x in column.tolist()] for column in columns)
        writer.writerows(zip(read(data / file).texts, *cells, strict=True))


# ---- figures


@dataclass(frozen=True, slots=True)
class Judgement:
    """What both judges say of one detector."""

    nab: nab_score.Report
    events: event_score.EventReport


def judge(labels: Mapping[str, Labelled], scores: Mapping[str, Floats]) -> Judgement:
    """Both reports; `scores` has one element per row of each series."""
    return Judgement(nab_score.report(labels, scores), event_score.report(labels, scores))


WIDTH = 34
HEADER = "\n".join(
    (
        f"{'':{WIDTH}s} {'NAB score, threshold of its own':>27s} | {'transferred':>23s} | events, one threshold",
        f"{'':{WIDTH}s} {'standard':>9s} {'low FP':>8s} {'low FN':>8s} | {'halves':>8s} {'random halves':>14s} |"
        f" {'F1':>5s} {'F1 moved':>9s} {'found at 1':>11s}",
    )
)


def line(name: str, judgement: Judgement) -> str:
    """One row below HEADER."""
    nab, events = judgement.nab, judgement.events
    profiles = " ".join(f"{nab.profiles[p]:8.1f}" for p in nab_score.PROFILES)
    mean, deviation = nab.resampled
    return (
        f"{name:{WIDTH}s}  {profiles} | {np.mean(nab.transferred):8.1f} {mean:7.1f} +- {deviation:3.1f} |"
        f" {events.f1:5.3f} {events.moved:9.3f} {events.found_at_one:11.3f}"
    )


def own_lines(data: Path, labels: Mapping[str, Labelled], scored: Mapping[str, Scored]) -> Iterator[str]:
    """Ours by record and by bucket, and the share of echoes among the false rows."""
    by_record = judge(labels, {name: scored[name].record for name in labels})
    yield line("ours, initial_record_score", by_record)
    yield line("ours, bucket anomaly_score", judge(labels, {name: scored[name].bucket for name in labels}))
    false, echoes, stayed = count_false(data, labels, scored, by_record.nab.threshold)
    share, share_stayed = (count / max(1, false) for count in (echoes, stayed))
    yield (
        f"false rows {false}; echoes (only typical jumped): {echoes}, {share:.0%}, are like their neighbours on both"
        f" sides; {stayed}, {share_stayed:.0%}, stayed where the values were before"
    )


def count_false(
    data: Path, labels: Mapping[str, Labelled], scored: Mapping[str, Scored], threshold: float
) -> tuple[int, int, int]:
    """(false rows by record score, echoes among them, those by the values before alone) of all series."""
    false, echoes, stayed = 0, 0, 0
    for name, labelled in labels.items():
        rows = nab_score.false_rows(labelled, scored[name].record, threshold)
        false += len(rows)
        values, typical = read(data / name).values, scored[name].typical
        echoes += int(is_echo(values, typical)[rows].sum())
        stayed += int(is_echo(values, typical, after=0)[rows].sum())
    return false, echoes, stayed


def series_lines(report: nab_score.Report) -> Iterator[str]:
    """Directories and series at the common threshold of the standard profile."""
    yield f"initial_record_score at the one threshold {report.threshold:.6g}, standard profile:"
    yield f"{'':58s} {'score':>6s} {'windows':>8s} {'false alarms':>13s}"
    for part in (*report.directories, *report.series):
        yield f"{part.name:58s} {part.score:6.1f} {part.found:4d}/{part.windows:<3d} {part.false_alarms:13d}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.nab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="directories searched for *.csv")
    parser.add_argument("--out", type=Path, help="directory the scores are written to (of one --data)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--quick", action="store_true", help=f"a sample of {QUICK_ROWS:,} rows of each directory")
    parser.add_argument("--series", nargs="+", metavar="NAME", help="only series whose path contains a NAME")
    args = parser.parse_args()
    for data in args.data:
        if not data.is_dir():
            parser.error(f"no such directory [{data}]")
        files = [f for f in find(data) if any(part in f.as_posix() for part in args.series or [""])]
        run(data, sample(data, files) if args.quick else files, args.out, args.jobs)
    return 0


def run(data: Path, files: Sequence[Path], out: Path | None, processes: int) -> None:
    """Scores, writes and judges the series of one directory."""
    scored = {}
    for file, found in score_files(data, files, processes):
        scored[file.as_posix()] = found
        if out is not None:
            write(data, out, file, found)
    if not (data / "windows.json").exists():
        return
    labels = read_labels(data, scored)
    print(f"\n{data}: {len(labels)} series\n{HEADER}")
    for text in own_lines(data, labels, scored):
        print(text)
    report = nab_score.report(labels, {name: scored[name].record for name in labels})
    for text in series_lines(report):
        print(text)


if __name__ == "__main__":
    sys.exit(main())
