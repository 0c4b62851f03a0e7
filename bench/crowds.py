"""Made-up worlds that are not single series: populations, rare values, arrival times and places. See worlds.py.

What is planted is as unlikely as 8 standard deviations where values have any; a value never seen, an hour or a place
can only be as unlikely as two weeks of history can tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.worlds import DAY, HOUR, SEEDS, START
from proxy.engine import Batch, Column
from proxy.engine.results import Floats

Codes = NDArray[np.int64]
# As unlikely as eight standard deviations.
P_SPIKE = float(stats.norm.sf(8.0))


@dataclass(frozen=True, slots=True)
class Happenings:
    """Records of one seed: time of each, codes of what and of whom, and a number."""

    time: Codes
    what: Codes
    who: Codes
    value: Floats


@dataclass(frozen=True, slots=True)
class Crowd:
    """One family; `usual(days)` makes the records of a seed, `odd(time)` those planted in the hour from `time` on."""

    name: str
    detector: dict[str, object]
    usual: Callable[[np.random.Generator, float], Happenings]
    odd: Callable[[np.random.Generator, int], Happenings]
    # Texts of the codes of `what`; people are numbered.
    names: tuple[str, ...] = ("it",)
    # Hour of the day that the odd records are planted in.
    odd_hour: int = 14
    span: int = HOUR
    clean_days: float = 30
    spiked_days: float = 15

    def batch(self, days: float, form: int, *, is_spiked: bool) -> tuple[Batch, int]:
        """(records of all seeds, bucket of what was planted); the seeds are partitions of the field `key`."""
        at = (int(days) - 1) * 24 + self.odd_hour
        parts, keys = [], []
        for seed in range(SEEDS):
            rng = np.random.default_rng([zlib.crc32(self.name.encode()), form, seed])
            made = [self.usual(rng, days)] + ([self.odd(rng, START + at * HOUR)] if is_spiked else [])
            parts += made
            keys += [seed] * sum(len(h.time) for h in made)
        time, what, who, value = (
            np.concatenate([getattr(h, f) for h in parts]) for f in ("time", "what", "who", "value")
        )
        order = np.argsort(time, kind="stable")

        def column(codes: Codes, names: list[str]) -> Column:
            return Column(codes[order].astype(np.int32), names)

        texts = {
            "key": column(np.array(keys), [f"series {i:02d}" for i in range(SEEDS)]),
            "what": column(what, list(self.names)),
            "who": column(who, [f"user {i:02d}" for i in range(int(who.max()) + 1)]),
        }
        return Batch(time[order], texts, {"value": value[order]}), at


def _spread_out(rng: np.random.Generator, size: int, days: float) -> Codes:
    return START + rng.integers(0, int(days * DAY), size)


def _busy_people(rng: np.random.Generator, days: float) -> Happenings:
    """Thirty people, each with 3 records an hour, by chance."""
    size = int(days * 24 * 30 * 3)
    nothing = np.zeros(size, np.int64)
    return Happenings(_spread_out(rng, size, days), nothing, rng.integers(0, 30, size), rng.normal(100, 3, size))


def _one_too_busy(rng: np.random.Generator, time: int) -> Happenings:
    size = int(stats.poisson.isf(P_SPIKE, 3.0))
    return Happenings(time + rng.integers(0, HOUR, size), *_all_by_seven(size), rng.normal(100, 3, size))


def _even_people(rng: np.random.Generator, days: float) -> Happenings:
    """Thirty people with exactly 3 records an hour each, whose mean varies by 3 / sqrt(3)."""
    hours = int(days * 24)
    time = START + HOUR * np.repeat(np.arange(hours), 90) + rng.integers(0, HOUR, hours * 90)
    who = np.tile(np.repeat(np.arange(30), 3), hours)
    return Happenings(time, np.zeros(len(time), np.int64), who, rng.normal(100, 3, len(time)))


def _one_too_high(rng: np.random.Generator, time: int) -> Happenings:
    """Three more that lift the mean of six by eight standard deviations."""
    return Happenings(np.full(3, time + 60), *_all_by_seven(3), np.full(3, 100.0 + 2 * 8 * 3 / np.sqrt(3)))


def _all_by_seven(size: int) -> tuple[Codes, Codes]:
    return np.zeros(size, np.int64), np.full(size, 7)


def _uneven(rng: np.random.Generator, size: int, kinds: int) -> Codes:
    """Kinds of which the k-th is k times rarer than the first."""
    share = 1.0 / np.arange(1, kinds + 1)
    return rng.choice(kinds, size, p=share / share.sum())


def _processes(rng: np.random.Generator, days: float) -> Happenings:
    size = int(days * 24 * 20)
    return Happenings(_spread_out(rng, size, days), _uneven(rng, size, 20), rng.integers(0, 30, size), np.zeros(size))


def _never_seen(rng: np.random.Generator, time: int) -> Happenings:
    return Happenings(np.array([time + 60]), np.array([20]), np.array([7]), np.zeros(1))


def _never_seen_often(rng: np.random.Generator, time: int) -> Happenings:
    return Happenings(time + rng.integers(0, HOUR, 20), np.full(20, 20), np.full(20, 7), np.zeros(20))


def _logins(rng: np.random.Generator, days: float) -> Happenings:
    """Ten logins a day around 13:00."""
    size = int(days * 10)
    day = rng.integers(0, int(days), size)
    hour = np.clip(rng.normal(13, 2, size), 7, 19)
    zero = np.zeros(size, np.int64)
    return Happenings((START + day * DAY + hour * HOUR).astype(np.int64), zero, zero, np.zeros(size))


def _once(rng: np.random.Generator, time: int) -> Happenings:
    zero = np.zeros(1, np.int64)
    return Happenings(np.array([time + 1800]), zero, zero, np.zeros(1))


_PLACES = (*(f"{50.0 + i / 100:.2f},{8.5 + j / 100:.2f}" for i in range(5) for j in range(5)), "35.70,139.70")


def _around_home(rng: np.random.Generator, days: float) -> Happenings:
    size = int(days * 24 * 3)
    place = np.clip(rng.normal(12, 4, size).round(), 0, 24).astype(np.int64)
    return Happenings(_spread_out(rng, size, days), place, np.zeros(size, np.int64), np.zeros(size))


def _far_away(rng: np.random.Generator, time: int) -> Happenings:
    return Happenings(np.array([time + 60]), np.array([25]), np.zeros(1, np.int64), np.zeros(1))


_PROCESSES = (*(f"process {i:02d}" for i in range(20)), "never seen")

_ALL = (
    Crowd("people_count", {"function": "count", "over_field_name": "who"}, _busy_people, _one_too_busy),
    Crowd(
        "people_mean",
        {"function": "mean", "field_name": "value", "over_field_name": "who"},
        _even_people,
        _one_too_high,
    ),
    Crowd("rare", {"function": "rare", "by_field_name": "what"}, _processes, _never_seen, _PROCESSES),
    Crowd(
        "rare_people",
        {"function": "rare", "by_field_name": "what", "over_field_name": "who"},
        _processes,
        _never_seen,
        _PROCESSES,
    ),
    Crowd(
        "freq_rare_people",
        {"function": "freq_rare", "by_field_name": "what", "over_field_name": "who"},
        _processes,
        _never_seen_often,
        _PROCESSES,
    ),
    Crowd("time_of_day", {"function": "time_of_day"}, _logins, _once, odd_hour=3),
    Crowd("lat_long", {"function": "lat_long", "field_name": "what"}, _around_home, _far_away, _PLACES),
)

CROWDS: dict[str, Crowd] = {crowd.name: crowd for crowd in _ALL}
