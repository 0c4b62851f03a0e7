"""The labelled benchmarks through jobs, beside the peers on the same rows: NAB, and telemetry of the same form."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench import baselines, labels, nab, nab_score, peer
from bench.labels import Labelled
from bench.series import read, row_interval
from proxy.engine.results import Floats

HOUR_S, MINUTE_S = 3600, 60
Said = Callable[[str], None]
OURS, FOREST = "ours, initial_record_score", "Random Cut Forest, score"


def report(data: Path, progress: Said, *, by_family: bool) -> None:
    """Prints what both judges say of ours and of the peers on a directory with a windows.json; `by_family` also by
    folder and row interval."""
    known = labels.read_labels(data)
    print(f"{len(known)} series, {sum(len(one.spans) for one in known.values())} windows\n{nab.HEADER}")
    files = [file for file in nab.find(data) if file.as_posix() in known]
    with _forest_scores(data, known) as forest:
        scored = {}
        for file, found in nab.score_files(data, files, os.cpu_count() or 1):
            scored[file.as_posix()] = found
            progress(f"{len(scored)}/{len(files)} {file}")
        progress("")
        echoes = list(nab.own_lines(data, known, scored))
        print("\n".join(echoes[:-1]), flush=True)
        others = _baseline_scores(data, known) | forest()
    for name, scores in others.items():
        print(nab.line(name, nab.judge(known, scores)), flush=True)
    print(echoes[-1])
    by_record = {name: found.record for name, found in scored.items()}
    if by_family:
        families(known, {OURS: by_record} | others)
    print()
    for text in nab.series_lines(nab_score.report(known, by_record)):
        print(text)


def families(known: Mapping[str, Labelled], detectors: Mapping[str, Mapping[str, Floats]]) -> None:
    """The figures by folder and row interval: what is said of all may hide that one kind is not served."""
    by_family: dict[str, dict[str, Labelled]] = {}
    for name, labelled in known.items():
        by_family.setdefault(_family(name, labelled), {})[name] = labelled
    for family, members in sorted(by_family.items()):
        print(f"\n{family}: {len(members)} series")
        judged = {name: nab.judge(members, scores) for name, scores in detectors.items()}
        for name, judgement in judged.items():
            print(nab.line(name, judgement))
        rivals = [judged[name].events.f1 for name in (FOREST, "rolling z-score") if name in judged]
        print(f"F1 of ours / the better of {FOREST} and rolling z-score: {_ratio(judged[OURS].events.f1, rivals)}")


def _ratio(ours: float, rivals: Sequence[float]) -> str:
    best = max(rivals, default=0.0)
    return f"{ours / best:.2f}" if best else "-"


def _family(name: str, labelled: Labelled) -> str:
    interval = labelled.interval
    rows = f"{interval // HOUR_S} h" if interval >= HOUR_S else f"{max(1, interval // MINUTE_S)} min"
    return f"{Path(name).parts[0]}, rows of {rows}"


def _baseline_scores(data: Path, known: Mapping[str, Labelled]) -> dict[str, dict[str, Floats]]:
    series = {name: read(data / name) for name in known}
    return {
        title: {name: baseline(one.values, row_interval(one.times)) for name, one in series.items()}
        for title, baseline in baselines.BASELINES.items()
    }


@contextmanager
def _forest_scores(data: Path, known: Mapping[str, Labelled]) -> Iterator[Callable[[], dict[str, dict[str, Floats]]]]:
    """The peer at work beside ours; the function waits for its scores, none (with a line why) where it is missing."""
    with tempfile.TemporaryDirectory() as out, ProcessPoolExecutor(1) as pool:
        running: Future[None] = pool.submit(_run_forest, data, Path(out))

        def scores() -> dict[str, dict[str, Floats]]:
            try:
                running.result()
            except peer.PeerMissing as missing:
                print(f"Random Cut Forest left out: {missing}")
                return {}
            return {
                f"Random Cut Forest, {kind}": labels.read_scores(Path(out) / kind, known) for kind in ("score", "grade")
            }

        yield scores


def _run_forest(data: Path, out: Path) -> None:
    with peer.libraries() as found:
        peer.score_directory(found, data, out, "NORMALIZE")
