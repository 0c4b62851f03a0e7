"""Small worlds with one planted anomaly, for the test_planted_* files.

A world is hourly rows of two hosts, "sick" and "well", over eleven days with a daily rhythm; the planted bucket is
on the 10th day at 14:00 UTC. Rows are (time, host, user, value, word) columns that tests change before the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from proxy.engine import Batch, Column, JobEngine
from proxy.job_config.engine_spec import spec_from

HOUR, DAY = 3600, 86_400
START = 1_699_920_000 // DAY * DAY
DAYS = 11
PLANTED = START + 9 * DAY + 14 * HOUR
USERS = ["ann", "bob", "cid", "dan"]
MALLORY = "mallory"


@dataclass
class Rows:
    """Columns that grow; numbers default to NaN and texts to missing."""

    time: list = field(default_factory=list)
    text: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)

    def add(self, time, *, numbers=None, **text):
        """Append rows; every argument is a sequence of one length or a single value."""
        time = np.atleast_1d(np.asarray(time))
        count, size = len(self.time), len(time)
        for columns, given, missing in ((self.text, text, None), (self.numbers, numbers or {}, np.nan)):
            for name in {*columns, *given}:
                column = columns.setdefault(name, [missing] * count)
                value = given.get(name, missing)
                column.extend([value] * size if value is None or isinstance(value, str | float | int) else value)
        self.time.extend(time.tolist())

    def drop(self, is_dropped):
        """Remove rows by mask."""
        keep = np.flatnonzero(~np.asarray(is_dropped))
        self.time = [self.time[i] for i in keep]
        for columns in (self.text, self.numbers):
            for name, column in columns.items():
                columns[name] = [column[i] for i in keep]

    def where(self, bucket, **text):
        """Mask of the rows of one hour with these texts."""
        mask = np.array(self.time) // HOUR == bucket // HOUR
        for name, value in text.items():
            mask &= np.array([v == value for v in self.text[name]])
        return mask

    def batch(self):
        """The rows as a batch in order of time."""
        order = np.argsort(self.time, kind="stable")
        return Batch(
            np.array(self.time, np.int64)[order],
            {name: coded(column, order) for name, column in self.text.items()},
            {name: np.array(column, float)[order] for name, column in self.numbers.items()},
        )


def coded(column, order):
    """A text column as codes."""
    values, codes = {}, []
    for i in order:
        value = column[i]
        codes.append(-1 if value is None else values.setdefault(value, len(values)))
    return Column(np.array(codes, np.int32), list(values))


def world(days=DAYS, *, rate=40, seed=1, hosts=("sick", "well")):
    """Healthy rows: about `rate` an hour and host, busier by day, values near 100."""
    random, rows = np.random.default_rng(seed), Rows()
    hours = START + np.arange(days * 24) * HOUR
    rhythm = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(days * 24) % 24 - 8) / 24)
    for host in hosts:
        counts = random.poisson(rate * rhythm)
        time = np.repeat(hours, counts) + random.integers(0, HOUR, counts.sum())
        size = len(time)
        value = np.repeat(80 + 20 * rhythm, counts) + random.normal(0, 5, size)
        users = np.array(USERS)[random.integers(0, len(USERS), size)]
        words = np.array([f"word{i:02d}" for i in range(15)])[random.integers(0, 15, size)]
        rows.add(time, host=[host] * size, user=users.tolist(), word=words.tolist(), numbers={"value": value.tolist()})
    return rows


def config(*detectors, influencers=("host", "user"), **analysis):
    """A job configuration with an hourly bucket span."""
    return {
        "analysis_config": {
            "bucket_span": "1h",
            "detectors": list(detectors),
            "influencers": list(influencers),
            **analysis,
        },
        "data_description": {"time_field": "time"},
    }


def run(job, rows, **options):
    """All results of a job over the rows, the last bucket included."""
    engine = JobEngine(spec_from(job), **options)
    results = engine.add(rows.batch())
    results.extend(engine.flush(advance_to=max(rows.time) // HOUR * HOUR + HOUR))
    return results


_states = {}


def run_from_planted(job, batch, **options):
    """Like ``run``, but the days before the planted hour are learnt once for all that have them in common.

    The job learns them without rules, filters and events, and goes on with these as after an update; the results begin
    with the planted hour.
    """
    first = int(np.searchsorted(batch.time, PLANTED))
    past, present = (part_of(batch, some) for some in (slice(0, first), slice(first, None)))
    plain = [{k: v for k, v in d.items() if k != "custom_rules"} for d in job["analysis_config"]["detectors"]]
    known = job | {"analysis_config": job["analysis_config"] | {"detectors": plain}}
    columns = [past.time, *(column.codes for column in past.text.values()), *past.numbers.values()]
    key = f"{known}", *(column.tobytes() for column in columns)
    if key not in _states:
        engine = JobEngine(spec_from(known))
        engine.add(past)
        engine.flush(advance_to=PLANTED)
        _states[key] = engine.state()
    engine = JobEngine(spec_from(job), _states[key], **options)
    results = engine.add(present)
    results.extend(engine.flush(advance_to=int(batch.time[-1]) // HOUR * HOUR + HOUR))
    return results


def part_of(batch, some):
    """Some rows of a batch."""
    text = {name: Column(column.codes[some], column.values) for name, column in batch.text.items()}
    return Batch(batch.time[some], text, {name: values[some] for name, values in batch.numbers.items()})


def records_at(results, time, **fields):
    """Records of one bucket with these field values."""
    return [
        record
        for record in results.records
        if record["timestamp"] == time * 1000 and all(record.get(k) == v for k, v in fields.items())
    ]


def bucket_at(results, time):
    """The bucket of that time."""
    (bucket,) = [b for b in results.buckets if b["timestamp"] == time * 1000]
    return bucket


def influencers_at(results, time):
    """The influencers of one bucket."""
    return [i for i in results.influencers if i["timestamp"] == time * 1000]


def top_score(results, *, outside=(), **fields):
    """The highest record score, leaving out the buckets of these hours and the day after each."""
    scores = [
        record["record_score"]
        for record in results.records
        if not any(0 <= record["timestamp"] // 1000 - time <= DAY for time in outside)
        and all(record.get(k) == v for k, v in fields.items())
    ]
    return max(scores, default=0.0)


def blamed(record, name):
    """The values of one influencer field of a record."""
    return next(
        (i["influencer_field_values"] for i in record.get("influencers", ()) if i["influencer_field_name"] == name), []
    )
