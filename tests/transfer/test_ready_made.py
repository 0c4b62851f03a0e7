"""Each ready-made job on made-up data of its kind: it finds what was planted, and nothing else as clearly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proxy.engine import JobEngine
from proxy.job_config.engine_spec import spec_from
from proxy.schemas import shipped_schemas
from proxy.transfer.facts import FOLDER, facts
from proxy.transfer.plan import Choices
from proxy.transfer.planning import plan
from proxy.transfer.ready_made import ready_made, ready_made_text
from proxy.transfer.shapes import read
from tests.engine.jobs import run
from tests.engine.planted import DAY, HOUR, START, Rows

QUARTER = 900
# The bucket of a quarter of an hour, hour or day in which things go wrong.
BAD = START + 3 * DAY + 14 * HOUR
DAYS = 4
MADE = {job.job_id: job for name in facts().ready_made for job in plan(read([ready_made_text(name)]), Choices()).jobs}


def times(random, start, span, size):
    return start + random.integers(0, span, size)


def requests(random, rows, size, *, start=START, span=DAYS * DAY, clients=30, **same):
    """Ordinary requests; what is `same` is so for all of them."""
    row = {
        "source.ip": [f"10.0.0.{n}" for n in random.integers(1, clients, size)],
        "url.path": [f"/page/{n}" for n in random.integers(0, 6, size)],
        "http.response.status_code": [("200", "200", "200", "404", "500")[n] for n in random.integers(0, 5, size)],
    }
    numbers = {
        "http.response.body.bytes": random.normal(5e3, 5e2, size),
        "event.duration": random.normal(1e8, 1e7, size),
    }
    numbers |= {name: np.full(size, value) for name, value in same.items() if isinstance(value, float)}
    row |= {name: value for name, value in same.items() if not isinstance(value, float)}
    rows.add(times(random, start, span, size), numbers=numbers, **row)


def web(*, size=300, span=QUARTER, **same) -> Callable[[np.random.Generator], Rows]:
    def made(random):
        rows = Rows()
        requests(random, rows, DAYS * 96 * 30)
        requests(random, rows, size, start=BAD, span=span, **same)
        return rows

    return made


def metrics(field, *, usual, planted, host, **text) -> Callable[[np.random.Generator], Rows]:
    """Three hosts that measure every five minutes, one of which goes wrong for a quarter of an hour."""

    def made(random):
        rows, at = Rows(), START + 300 * np.arange(DAYS * 288)
        for name in ("a", "b", "sick"):
            values = random.normal(usual, usual / 20, len(at))
            if name == "sick":
                values[(at >= BAD) & (at < BAD + QUARTER)] = planted
            rows.add(at, numbers={field: values}, **{host: name}, **text)
        return rows

    return made


def ecs(field, usual, planted, **text):
    return metrics(field, usual=usual, planted=planted, host="host.name", **text)


def otel(field, usual, planted, **text):
    return metrics(
        f"metrics.system.{field}", usual=usual, planted=planted, host="resource.attributes.host.name", **text
    )


MESSAGES = (
    "disk read of sector failed",
    "user logged in from console",
    "cache was emptied in time",
    "mail queue is served",
)


def logs(*, size, **planted) -> Callable[[np.random.Generator], Rows]:
    def made(random):
        rows, count = Rows(), DAYS * 96 * 20
        for dataset in ("web", "mail"):
            messages = [MESSAGES[n] for n in random.integers(0, len(MESSAGES), count)]
            rows.add(times(random, START, DAYS * DAY, count), message=messages, **{"event.dataset": dataset})
        usual = {"message": MESSAGES[0], "event.dataset": "web"}
        rows.add(times(random, BAD, QUARTER, size), **(usual | planted))
        return rows

    return made


STORM = START + 60 * DAY


def flights(field, usual, planted) -> Callable[[np.random.Generator], Rows]:
    """Ninety days of three airports and airlines; on one day all goes wrong at one of each."""

    def made(random):
        rows, at = Rows(), START + DAY * np.arange(90)
        for origin, carrier in (("JFK", "AA"), ("LGA", "DL"), ("EWR", "UA")):
            for flight in range(10):
                values = random.normal(usual, usual / 10, len(at))
                if origin == "JFK":
                    values[at == STORM] = planted
                rows.add(at + HOUR + flight, numbers={field: values}, origin=origin, carrier=carrier)
        return rows

    return made


LOUD = {"source.ip": "10.0.0.7"}
SICK = {"partition_field_value": "sick"}
# A job, the data in which something is planted, and what its best record says of it.
PLANTED = {
    "web-request-rate": (web(), {}),
    "web-status-codes": (web(size=60, **{"http.response.status_code": "500"}), {"by_field_value": "500"}),
    "web-client-requests": (web(**LOUD), {"over_field_value": "10.0.0.7"}),
    "web-client-bytes": (web(size=5, **LOUD, **{"http.response.body.bytes": 9e6}), {"over_field_value": "10.0.0.7"}),
    "web-latency": (web(size=5, **LOUD, **{"event.duration": 9e9}), {"over_field_value": "10.0.0.7"}),
    "web-rare-urls": (
        web(size=80, span=HOUR, **LOUD, **{"url.path": [f"/admin/{n}.php" for n in range(80)]}),
        {"over_field_value": "10.0.0.7"},
    ),
    "host-cpu": (ecs("system.cpu.total.norm.pct", 0.3, 0.97), SICK),
    "host-memory": (ecs("system.memory.actual.used.pct", 0.4, 0.99), SICK),
    "host-disk-space": (ecs("system.filesystem.used.pct", 0.4, 0.99, **{"system.filesystem.mount_point": "/"}), SICK),
    "host-disk-writes": (ecs("host.disk.write.bytes", 1e6, 9e7), SICK),
    "host-network": (ecs("host.network.egress.bytes", 1e6, 9e7), SICK),
    "otel-host-cpu": (otel("cpu.utilization", 0.3, 0.97, **{"attributes.state": "user"}), SICK),
    "otel-host-memory": (otel("memory.utilization", 0.4, 0.99, **{"attributes.state": "used"}), SICK),
    "otel-host-disk-space": (otel("filesystem.utilization", 0.4, 0.99, **{"attributes.mountpoint": "/"}), SICK),
    "otel-host-disk-traffic": (otel("disk.io", 1e6, 9e7, **{"attributes.direction": "write"}), SICK),
    "otel-host-network": (otel("network.io", 1e6, 9e7, **{"attributes.direction": "transmit"}), SICK),
    "log-rate": (logs(size=300), {"partition_field_value": "web"}),
    "log-categories": (logs(size=300), {"by_field_name": "mlcategory"}),
    "log-rare-categories": (logs(size=1, message="kernel panic beyond any repair"), {"by_field_name": "mlcategory"}),
    "flights-delay": (flights("dep_delay", 10, 190), {"partition_field_value": "JFK"}),
    "flights-cancelled": (flights("cancelled", 1, 30), {"partition_field_value": "JFK"}),
    "flights-departed": (flights("departed", 1, 0.02), {"by_field_value": "AA"}),
}


@pytest.mark.parametrize("job_id", MADE)
def test_the_job_finds_what_was_planted(job_id):
    world, wanted = PLANTED[job_id]
    job = MADE[job_id].job
    results = run(JobEngine(spec_from(job)), world(np.random.default_rng(7)).batch())
    best = max(results.records, key=lambda record: record["record_score"])
    planted = STORM if job_id.startswith("flights") else BAD
    assert best["timestamp"] == planted * 1000
    assert best["record_score"] > 50
    assert wanted.items() <= best.items()


def test_what_is_ready_made_is_what_the_folder_has():
    assert sorted(path.stem for path in (FOLDER / "ready-made").iterdir()) == sorted(facts().ready_made)
    assert [ready_made(name)["id"] for name in facts().ready_made] == list(facts().ready_made)
    assert set(PLANTED) == set(MADE)


@pytest.mark.parametrize("planned", MADE.values(), ids=list(MADE))
def test_nothing_is_to_be_said_of_a_ready_made_job(planned):
    assert planned.notes == ()
    assert planned.datafeed["datafeed_id"] == f"datafeed-{planned.job_id}"


def test_the_keys_are_those_of_the_api():
    for operation, keys in (("ml.put_job", facts().job_keys), ("ml.put_datafeed", facts().datafeed_keys)):
        assert keys == set(shipped_schemas().section(operation, "body").schema["properties"])
