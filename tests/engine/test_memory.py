"""Memory: what a status means, who is turned away, who is forgotten; and which states are taken up."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest

from proxy.engine import Batch, Column, JobEngine, StateError
from proxy.engine.state import MAGIC, VERSION, pack, unpack
from proxy.job_config.engine_spec import spec_from
from tests.engine.planted import DAY, HOUR, START, Rows, config

DETECTORS = {
    "series": {"function": "count", "by_field_name": "user"},
    "population": {"function": "count", "over_field_name": "user"},
    "attributes": {"function": "count", "by_field_name": "user", "over_field_name": "host"},
    "rare": {"function": "rare", "by_field_name": "user"},
    "rare people": {"function": "rare", "by_field_name": "host", "over_field_name": "user"},
    "times": {"function": "time_of_day", "by_field_name": "user"},
}


def engine_of(detector, *, limit=None, **analysis):
    job = config(detector, **analysis)
    return JobEngine(spec_from(job | ({"analysis_limits": {"model_memory_limit": limit}} if limit else {})))


def crowd(hour, names):
    rows = Rows()
    rows.add([START + hour * HOUR] * len(names), host="h", user=list(names))
    return rows.batch()


def people(count, prefix="user"):
    return [f"{prefix} {number}" for number in range(count)]


@pytest.mark.parametrize("kind", DETECTORS)
def test_status_goes_from_ok_over_soft_to_hard_as_names_come_in(kind):
    # A first look at what one name weighs sets the limit.
    probe = engine_of(DETECTORS[kind])
    for hour in range(3):
        probe.add(crowd(hour, people(400)))
    limit = f"{probe.model_size()['model_bytes'] * 4 // 1024}kb"
    engine, seen = engine_of(DETECTORS[kind], limit=limit), []
    for hour in range(1, 40):
        engine.add(crowd(hour, people(150 * hour)))
        seen.append(engine.model_size()["memory_status"])
    assert seen == sorted(seen, key=["ok", "soft_limit", "hard_limit"].index)
    assert set(seen) == {"ok", "soft_limit", "hard_limit"}
    size = engine.model_size()
    assert size["model_bytes_exceeded"] == max(0, size["model_bytes"] - size["model_bytes_memory_limit"])
    assert size["model_bytes"] < 1.5 * size["model_bytes_memory_limit"]
    assert size["peak_model_bytes"] >= size["model_bytes"]


@pytest.mark.parametrize("kind", DETECTORS)
def test_once_memory_is_used_up_newcomers_are_turned_away_and_their_buckets_counted(kind):
    engine = engine_of(DETECTORS[kind], limit="20kb")
    for hour in range(3):
        engine.add(crowd(hour, people(300)))
    engine.flush(advance_to=START + 3 * HOUR)
    before = engine.model_size()
    assert before["memory_status"] == "hard_limit"
    for hour in range(3, 6):
        engine.add(crowd(hour, [*people(300), *people(20, "late")]))
    engine.flush(advance_to=START + 6 * HOUR)
    after = engine.model_size()
    counts = ("total_by_field_count", "total_over_field_count", "total_partition_field_count")
    assert [after[name] for name in counts] == [before[name] for name in counts]
    assert after["bucket_allocation_failures_count"] == before["bucket_allocation_failures_count"] + 3
    restored = JobEngine(engine.spec, engine.state())
    assert restored.model_size() == after


@pytest.mark.parametrize("kind", ["series", "attributes", "times", "places"])
def test_one_crowded_bucket_keeps_to_the_limit_too(kind):
    places = {"function": "lat_long", "field_name": "place", "by_field_name": "user"}
    engine, rows = engine_of((DETECTORS | {"places": places})[kind], limit="1mb"), Rows()
    rows.add([START] * 4000, host="h", place="50,8", user=people(4000))
    engine.add(rows.batch())
    engine.flush(advance_to=START + HOUR)
    size = engine.model_size()
    assert size["memory_status"] == "hard_limit"
    assert size["bucket_allocation_failures_count"] == 1
    assert size["model_bytes"] < 1.1 * 2**20


@pytest.mark.parametrize(("kind", "counted"), [("series", "by"), ("population", "over"), ("times", "by")])
def test_who_is_unseen_for_the_prune_window_is_forgotten(kind, counted):
    engine = engine_of(DETECTORS[kind], model_prune_window="2d")
    engine.add(crowd(0, people(50)))
    for hour in range(1, 60):
        engine.add(crowd(hour, people(3)))
    assert engine.model_size()[f"total_{counted}_field_count"] == 3


def test_people_nobody_remembers_leave_no_name():
    engine = engine_of(DETECTORS["rare people"])
    engine.add(crowd(0, people(50)))
    for day in range(1, 66):
        engine.add(crowd(day * 24, people(3)))
    assert engine.model_size()["total_over_field_count"] == 3


def test_who_is_forgotten_takes_no_memories_of_others_along():
    def told(old):
        engine, first = engine_of({"function": "freq_rare", "by_field_name": "host", "over_field_name": "user"}), 1600
        engine.add(crowd(0, people(5, old)))
        for hour in range(first, first + 120):
            engine.add(crowd(hour, people(12)))
        odd = Rows()
        odd.add([START + (first + 120) * HOUR] * 30, host="odd", user="user 3")
        engine.add(odd.batch())
        (record,) = engine.flush(advance_to=START + (first + 121) * HOUR).records
        cause = record["causes"][0]["by_field_value"]
        return engine.model_size()["total_over_field_count"], record["over_field_value"], cause, record["probability"]

    # Names that sort before all others and names that are the others': the numbers of people differ.
    assert told("a stranger") == told("user") == (12, "user 3", "odd", pytest.approx(told("z")[3], rel=1e-9))


def states():
    engine = engine_of(DETECTORS["series"])
    engine.add(crowd(0, people(3)))
    state = engine.state()
    body = zlib.decompress(state[4:])
    (length,) = struct.unpack_from("<Q", body)
    header = json.loads(body[8 : 8 + length])
    later = json.dumps(header | {"version": VERSION + 1}).encode()
    tree = unpack(state)
    del tree["detectors"][0]["models"][0]["level"]
    return {
        "foreign": b"something else",
        "empty": b"",
        "cut": state[: len(state) // 2],
        "scrambled": state[:40] + bytes(50) + state[90:],
        "later": MAGIC + zlib.compress(struct.pack("<Q", len(later)) + later + body[8 + length :]),
        "older model": pack(tree),
    }


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("foreign", "not an engine state"),
        ("empty", "not an engine state"),
        ("cut", "damaged"),
        ("scrambled", "damaged"),
        ("later", rf"version \[{VERSION + 1}\], this engine reads \[{VERSION}\]"),
        ("older model", r"lacks \['level'\]"),
    ],
)
def test_a_state_that_cannot_be_gone_on_from_says_why(kind, reason):
    with pytest.raises(StateError, match=reason):
        JobEngine(spec_from(config(DETECTORS["series"])), states()[kind])


def test_a_state_is_the_same_bytes_for_the_same_past():
    def state():
        engine = engine_of(DETECTORS["rare people"])
        for hour in range(30):
            engine.add(crowd(hour, people(1 + int(np.sqrt(hour)))))
        return engine.state()

    assert state() == state()


def test_a_prune_window_is_a_quarter_once_memory_runs_short():
    engine = engine_of(DETECTORS["series"], limit="90kb", model_prune_window="4d")
    engine.add(crowd(0, people(13)))
    assert engine.flush(advance_to=START + HOUR).bucket_count == 1
    assert engine.model_size()["memory_status"] == "soft_limit"
    for hour in range(1, 2 * DAY // HOUR):
        engine.add(crowd(hour, people(2)))
    assert engine.model_size()["total_by_field_count"] == 2


@pytest.mark.parametrize("pieces", [1, 7])
def test_one_flood_of_categories_keeps_to_the_limit_too(pieces):
    words = [f"{chr(97 + i % 26)}{chr(97 + i // 26)}" * 4 for i in range(600)]
    rows = Rows()
    rows.add(START + np.arange(600), message=[f"{word} {word[::-1]}{word}" for word in words])
    job = config({"function": "count", "by_field_name": "mlcategory"}, categorization_field_name="message")
    engine = JobEngine(spec_from(job | {"analysis_limits": {"model_memory_limit": "200kb"}}))
    whole = rows.batch()
    for part in np.array_split(np.arange(600), pieces):
        message = Column(whole.text["message"].codes[part], whole.text["message"].values)
        engine.add(Batch(whole.time[part], {"message": message}))
    size = engine.model_size()
    assert size["memory_status"] == "hard_limit"
    assert size["failed_category_count"] > 0
    assert 200 * 1024 <= size["model_bytes"] < 220 * 1024
