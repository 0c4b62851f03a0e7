"""`make soak ARGS='--hours 2'`: mixed load for hours, while processes are killed at random.

Prints how the serving process's memory grew, stalls, and what was lost or doubled; ends with 1 if there was any.
Model processes, the proxy and Elasticsearch are killed with SIGKILL in the first half of the time, only model processes
in the second, in which the memory of one undisturbed serving process is looked at.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.killable import KillableNode, memory_mb
from tests.faults.soak_load import JOBS, Caller, Seen, Stream, come_and_go, pass_through, read, records
from tests.faults.stalls import Stalls
from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB, SPAN_MS, START_MS, bare, free_port, wait_until_answering

STREAMS = 4
# Of the second half's memory, its last third may be so much above its first: caches that fill, and noise.
MOST_GROWTH = 0.10
LEAST_GROWTH_MB = 20.0
MOST_STALL_MS = 100.0
# Seconds between two kills, at random around them. A job whose model is killed again while it is loaded fails, since
# its data may be to blame, so there must be time for that.
KILL_EVERY_S = {"model process": 60.0, "proxy": 90.0, "Elasticsearch": 240.0}
COMPARED_HOURS = 500
KINDS = ("buckets", "records", "influencers")


class Proxy:
    """A proxy as a process that is killed and started again on the same port."""

    def __init__(self, cluster_url: str) -> None:
        self._port = free_port()
        self._command = [
            sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster_url, "--port", str(self._port)
        ]  # fmt: skip
        self.client = HttpClient(f"http://127.0.0.1:{self._port}")
        self.start()

    def start(self) -> None:
        # Models are saved often, so that a killed one is soon loaded again, and saving is shown as well.
        self.process = subprocess.Popen(
            self._command, env={**os.environ, "LANEWATCH_RUNTIME_CHECKPOINT_INTERVAL": "20s"}
        )
        wait_until_answering(self._port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def model_processes(self) -> list[int]:
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return list(map(int, listed.stdout.split()))


class Soak:
    """One run: what was killed, and the memory of the serving process in the second half."""

    def __init__(self, node: KillableNode, proxy: Proxy, seconds: float, seed: int) -> None:
        self._node = node
        self._proxy = proxy
        self._seconds = seconds
        self._random = random.Random(seed)
        self._is_over = threading.Event()
        self.seen = Seen()
        self.killed: Counter[str] = Counter()
        self.memory_mb: list[float] = []
        self.stalls = Stalls(proxy.client.address, MOST_STALL_MS)
        self._watch = ExitStack()
        caller = Caller(proxy.client, self.seen)
        self.streams = [Stream(caller, f"soak-{number}", seed + number) for number in range(STREAMS)]
        self._caller = caller

    def run(self) -> None:
        """Returns when the time is over and every thread has ended; what one of them raised is among the faults."""
        for stream in self.streams:
            stream.make()
        ids = [stream.job_id for stream in self.streams]
        with ThreadPoolExecutor(STREAMS + 6) as pool, self._watch:
            self._watch.enter_context(self.stalls.watched(self._proxy.process.pid))
            work = [pool.submit(stream.run, self._is_over) for stream in self.streams]
            work += [pool.submit(come_and_go, self._caller, self._is_over, f"soak-brief-{n}") for n in range(2)]
            work += [pool.submit(read, self._caller, self._is_over, ids, n) for n in range(2)]
            work += [pool.submit(pass_through, self._caller, self._is_over)]
            try:
                self._disturb(work)
            finally:
                self._is_over.set()
            for each in work:
                if (error := each.exception()) is not None:
                    self.seen.faults.append(f"{type(error).__name__}: {error}")

    def _disturb(self, work: Sequence[Future[None]]) -> None:
        began = told = time.monotonic()
        due = {what: began + self._next(every_s) for what, every_s in KILL_EVERY_S.items()}
        while (now := time.monotonic()) < began + self._seconds and not any(each.done() for each in work):
            in_second_half = now > began + self._seconds / 2
            for what, when in due.items():
                if now > when and (what == "model process" or not in_second_half):
                    self._kill(what)
                    due[what] = time.monotonic() + self._next(KILL_EVERY_S[what])
            if in_second_half:
                self.memory_mb.append(memory_mb(self._proxy.process.pid))
            if now > told + 60:
                told = now
                print(f"{(now - began) / 60:4.0f} min: {self.told()}", flush=True)
            time.sleep(1)

    def _next(self, every_s: float) -> float:
        return self._random.uniform(0.5, 1.5) * every_s

    def _kill(self, what: str) -> None:
        if what == "model process":
            for pid in self._proxy.model_processes()[:1]:
                subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=False)
        elif what == "proxy":
            self._watch.close()
            self._proxy.kill()
            self._proxy.start()
            self._watch.enter_context(self.stalls.watched(self._proxy.process.pid))
        else:
            self._node.kill()
            self._node.start()
        self.killed[what] += 1

    def told(self) -> str:
        hours = sum(stream.hours for stream in self.streams)
        statuses = ", ".join(f"{count} of {status}" for status, count in sorted(self.seen.statuses.items()))
        kills = ", ".join(f"{count} x {what}" for what, count in self.killed.items()) or "nothing"
        return f"{hours} hours of data; killed: {kills}; answers: {statuses}; cut: {self.seen.cut}"

    def growth_mb(self) -> float:
        """From the first third of the second half to its last."""
        third = len(self.memory_mb) // 3
        if not third:
            return 0.0
        return statistics.median(self.memory_mb[-third:]) - statistics.median(self.memory_mb[:third])


def differences(client: HttpClient, stream: Stream) -> Iterator[str]:
    """How the results of a stream differ from those of a job that got the same data undisturbed."""
    caller, twin = Caller(client, Seen()), f"{stream.job_id}-twin"
    caller.insist("PUT", f"{JOBS}/{twin}", json_body=JOB)
    caller.insist("POST", f"{JOBS}/{twin}/_open")
    for first in range(0, stream.hours, COMPARED_HOURS):
        rows = records(first, min(first + COMPARED_HOURS, stream.hours))
        caller.insist("POST", f"{JOBS}/{twin}/_data", ndjson=rows)
    for job_id in (stream.job_id, twin):
        caller.insist("POST", f"{JOBS}/{job_id}/_close")
    counts = [counted(client, job_id) for job_id in (stream.job_id, twin)]
    if counts[0] != counts[1]:
        yield f"{stream.job_id}: {counts[0]} records were counted instead of {counts[1]}"
    for first in range(0, stream.hours, COMPARED_HOURS):
        for kind in KINDS:
            found, right = (documents(client, job_id, kind, first) for job_id in (stream.job_id, twin))
            lost, doubled = right - found, found - right
            if lost or doubled:
                yield (
                    f"{stream.job_id}: {lost.total()} {kind} lost or changed and {doubled.total()} doubled or changed "
                    f"within hours {first} to {first + COMPARED_HOURS}, as {next(iter(lost or doubled))[:300]}"
                )


def counted(client: HttpClient, job_id: str) -> int:
    stats = client.get(f"{JOBS}/{job_id}/_stats").json()["jobs"][0]
    return int(stats["data_counts"]["processed_record_count"])


def documents(client: HttpClient, job_id: str, kind: str, first: int) -> Counter[str]:
    times = {"start": START_MS + first * SPAN_MS, "end": START_MS + (first + COMPARED_HOURS) * SPAN_MS}
    answer = client.get(f"{JOBS}/{job_id}/results/{kind}", query={"size": 10_000, **times})
    assert answer.status == 200, answer.text
    return Counter(str(bare(document)) for document in answer.json()[kind])


@contextmanager
def surroundings() -> Iterator[tuple[KillableNode, Proxy]]:
    with tempfile.TemporaryDirectory(prefix="lanewatch-soak-") as folder:
        Path(folder).chmod(0o755)  # Elasticsearch may be another account, and enters it
        node = KillableNode(Path(folder) / "data")
        proxy = Proxy(node.url)
        try:
            yield node, proxy
        finally:
            proxy.process.terminate()
            proxy.process.wait(60)
            node.kill()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(2**32), help="repeats a run's chances"
    )
    args = parser.parse_args(argv)
    print(f"soaking for {args.hours:g} h with seed {args.seed}", flush=True)
    with surroundings() as (node, proxy):
        soak = Soak(node, proxy, args.hours * 3600, args.seed)
        soak.run()
        print(soak.told())
        wrong = [line for stream in soak.streams for line in differences(proxy.client, stream)]
    grown, least = soak.growth_mb(), statistics.median(soak.memory_mb or [0.0])
    print(f"memory of the serving process: {least:.0f} MB, grown by {grown:.1f} MB")
    print(f"stalls over {MOST_STALL_MS:g} ms: {soak.stalls.told()}")
    print(f"answers that must not come: {len(soak.seen.faults)}", *soak.seen.faults[:10], sep="\n  ")
    print(f"lost or doubled: {len(wrong)} differences from undisturbed jobs", *wrong[:10], sep="\n  ")
    has_grown = grown > max(LEAST_GROWTH_MB, MOST_GROWTH * least)
    return int(bool(wrong or soak.seen.faults or soak.stalls.found or has_grown))


if __name__ == "__main__":
    sys.exit(main())
