"""Made-up series with a known truth, by name. How they are run and judged: engine_worlds.py.

A world turns standard normal noise (buckets x seeds) into values, so that a spike is simply one draw of 8 instead of
what chance gave: as improbable in a skewed or counted world as in a plain one. Every seed has its own phase of the
week: spikes in the same bucket hit each pattern at twenty different places.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from proxy.engine.results import Floats

Times = NDArray[np.int64]
Make = Callable[[Times, Floats], Floats]

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3600, 86400, 604800, 365.25 * 86400
# The first second of a month, of a Monday and of a day (2024-01-01T00:00:00Z).
START = 1_704_067_200
SEEDS = 20


@dataclass(frozen=True, slots=True)
class World:
    """One family of series; `make(times, noise)` with both buckets x seeds."""

    name: str
    make: Make
    span: int = HOUR
    function: str = "mean"
    clean_days: float = 30
    # Where the spiked form ends; its spike lies three buckets before. As long as the clean form: one run for both.
    spiked_days: float = 15
    # Days after which false alarms count: before them, what is normal has not been seen.
    judged_from_days: float = 0
    # Day of a lasting change, which may alarm for two days.
    changes_on_day: float | None = None
    # Value without noise = what an all-knowing model would expect.
    has_expectation: bool = True
    keeps_calendar: bool = False
    only_high: bool = False

    def times(self, days: float) -> Times:
        """Bucket starts x seeds, each seed in its own phase of the week."""
        clock = START + self.span * np.arange(int(days * DAY / self.span), dtype=np.int64)
        phase = WEEK // SEEDS * np.arange(SEEDS) // self.span * self.span
        return clock[:, None] + (0 if self.keeps_calendar else phase)

    def noise(self, days: float, form: int) -> Floats:
        """Buckets x seeds of standard normal noise."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), form])
        return rng.normal(size=(int(days * DAY / self.span), SEEDS))

    def clean(self) -> Floats:
        """Values without any anomaly."""
        return self.make(self.times(self.clean_days), self.noise(self.clean_days, 0))

    def expectation(self) -> Floats:
        """The clean form without noise."""
        return self.make(self.times(self.clean_days), 0.0 * self.noise(self.clean_days, 0))

    def spiked(self) -> tuple[Floats, int]:
        """(values, bucket of the spike): up in every other seed, down in the rest where values can fall."""
        noise = self.noise(self.spiked_days, 1)
        at = len(noise) - 3
        sign = np.where((np.arange(SEEDS) % 2 == 1) & (not self.only_high), -1.0, 1.0)
        noise[at] = 8.0 * sign
        return self.make(self.times(self.spiked_days), noise), at


def _sine(times: Times, period_s: float) -> Floats:
    return np.sin(2 * np.pi * times / period_s)


def _wave(period_s: float, size: float = 10.0) -> Make:
    return lambda t, e: 100.0 + size * _sine(t, period_s) + e


def _days_and_weeks(times: Times, noise: Floats) -> Floats:
    weekend = (times // DAY) % 7 >= 5
    return 100.0 + 15.0 * _sine(times, DAY) * np.where(weekend, 0.4, 1.0) + noise


def _office(times: Times, noise: Floats) -> Floats:
    """Sharp edges: busy from 8 to 18 on five days."""
    hour, weekend = times % DAY // HOUR, (times // DAY) % 7 >= 5
    return np.where((hour >= 8) & (hour < 18) & ~weekend, 80.0, 20.0) + noise


def _two_periods(times: Times, noise: Floats) -> Floats:
    return 100.0 + 10.0 * _sine(times, DAY) + 6.0 * _sine(times, 12 * HOUR) + 6.0 * _sine(times, 2.5 * DAY) + noise


def _walk(times: Times, noise: Floats) -> Floats:
    return 100.0 + 0.3 * np.cumsum(np.clip(noise, -4, 4), axis=0) + noise


def _wandering(times: Times, noise: Floats) -> Floats:
    """First-order autoregression with a memory of ten buckets."""
    out = np.empty_like(noise)
    state = np.zeros(noise.shape[1])
    for i, step in enumerate(noise):
        state = 0.9 * state + 0.436 * step
        out[i] = state
    return 100.0 + 2.294 * out


def _since_start(times: Times) -> Floats:
    return (times - times[0]).astype(np.float64)


def _amplitude(times: Times, noise: Floats) -> Floats:
    return 100.0 + 10.0 * _sine(times, DAY) * np.where(_since_start(times) >= 14 * DAY, 2.0, 1.0) + noise


def _clock_change(times: Times, noise: Floats) -> Floats:
    moved = np.where(_since_start(times) >= 21 * DAY, times + HOUR, times)
    return _office(moved, noise)


def _level_shift(times: Times, noise: Floats) -> Floats:
    return _days_and_weeks(times, noise) + np.where(_since_start(times) >= 21 * DAY, 5.0, 0.0)


def _month_start(times: Times, noise: Floats) -> Floats:
    """A batch job of six hours on the first day of every month."""
    first_day = times.astype("M8[s]").astype("M8[M]").astype("M8[s]").astype(np.int64)
    return 100.0 + 5.0 * _sine(times, DAY) + np.where(times - first_day < 6 * HOUR, 40.0, 0.0) + noise


def _bimodal(times: Times, noise: Floats) -> Floats:
    """Two modes, four of ten draws in the upper: whichever the noise says, with a normal shape inside each."""
    p = stats.norm.cdf(noise)
    inside = np.where(p < 0.6, p / 0.6, (p - 0.6) / 0.4)
    beyond = np.where(noise > 5, noise, np.where(noise < -5, noise, stats.norm.ppf(np.clip(inside, 1e-7, 1 - 1e-7))))
    return np.where(p < 0.6, 20.0, 50.0) + beyond


def _heavy_tails(times: Times, noise: Floats) -> Floats:
    p = stats.norm.sf(np.abs(noise))
    return 100.0 + np.sign(noise) * stats.t.isf(p, 3)


def _gaps(times: Times, noise: Floats) -> Floats:
    """Every third value missing, and two and a half days in the middle."""
    values = 50.0 + 3.0 * _sine(times, DAY) + noise
    lost = np.random.default_rng(3).random(values.shape) < 0.3
    lost[-4:] = False
    values[lost] = np.nan
    values[200:260] = np.nan
    return values


def _ranked(distribution: stats.rv_discrete, *shape: Floats | float) -> Callable[[Floats], Floats]:
    """Counts of the same rank as the noise."""

    def counts(noise: Floats) -> Floats:
        upper = distribution.isf(stats.norm.sf(noise), *shape)
        return np.where(noise > 0, upper, distribution.ppf(stats.norm.cdf(noise), *shape))

    return counts


def _poisson(rate: float) -> Make:
    return lambda t, e: _ranked(stats.poisson, rate)(e)


def _office_counts(times: Times, noise: Floats) -> Floats:
    """Counts with a day of their own: 2 at night, 40 at noon."""
    return _ranked(stats.poisson, 21.0 - 19.0 * np.cos(2 * np.pi * times / DAY))(noise)


def _bursty_counts(times: Times, noise: Floats) -> Floats:
    """Low counts that vary far more than chance: negative binomial, mean 4, variance 20."""
    return _ranked(stats.nbinom, 1.0, 0.2)(noise)


def _steady_week(times: Times, noise: Floats) -> Floats:
    return 100.0 + 10.0 * ((times // DAY) % 7 >= 5) + noise


def _nightly(times: Times, noise: Floats) -> Floats:
    """A batch job of one hour every night."""
    return 20.0 + np.where(times % DAY // HOUR == 2, 60.0, 0.0) + noise


def _sawtooth(times: Times, noise: Floats) -> Floats:
    """Fills up over 31 hours and is emptied at once."""
    return 100.0 * (times % (31 * HOUR)) / (31 * HOUR) + noise


def _capped(times: Times, noise: Floats) -> Floats:
    """Busy half of the day at a ceiling of 100; a spike breaks through it, or falls."""
    value = 95.0 + 10.0 * _sine(times, DAY) + noise
    return np.where(noise > 7, 100.0 + noise, np.minimum(value, 100.0))


def _constant(times: Times, noise: Floats) -> Floats:
    return np.where(np.abs(noise) > 7, 50.0 + noise, 50.0)


_COUNTED = {"function": "count", "has_expectation": False, "only_high": True}

_ALL = (
    World("noise", lambda t, e: 100.0 + e),
    World("day", _wave(DAY)),
    World("days_and_weeks", _days_and_weeks),
    World("office_hours", _office),
    World("nightly_job", _nightly),
    World("young", _wave(DAY), clean_days=10, spiked_days=4),
    World("constant", _constant),
    World("rounded", lambda t, e: np.round(10.0 + e)),
    World("capped", _capped),
    World("sawtooth_31h", _sawtooth),
    World("period_12h", _wave(12 * HOUR)),
    World("period_8h", _wave(8 * HOUR)),
    World("period_3d", _wave(3 * DAY)),
    World("period_90m", _wave(90 * MINUTE), span=5 * MINUTE, clean_days=10, spiked_days=10),
    World("several_periods", _two_periods),
    World("drift", lambda t, e: 100.0 + 0.02 * _since_start(t) / HOUR + e),
    World("year", lambda t, e: 100.0 + 40.0 * _sine(t, YEAR) + 5.0 * _sine(t, DAY) + e, clean_days=60),
    World("walk", _walk, has_expectation=False),
    World("wandering", _wandering, has_expectation=False),
    World("amplitude", _amplitude, spiked_days=22, changes_on_day=14),
    World("clock_change", _clock_change, spiked_days=26, changes_on_day=21),
    World("level_shift", _level_shift, spiked_days=26, changes_on_day=21),
    World(
        "month_start",
        _month_start,
        span=3 * HOUR,
        clean_days=200,
        spiked_days=200,
        judged_from_days=110,
        keeps_calendar=True,
    ),
    World("lognormal", lambda t, e: np.exp(e), has_expectation=False, only_high=True),
    World("lognormal_day", lambda t, e: np.exp(4.0 + 0.8 * _sine(t, DAY) + 0.5 * e), has_expectation=False),
    World("bimodal", _bimodal, has_expectation=False),
    World("heavy_tails", _heavy_tails),
    World("gaps", _gaps),
    World("counts_busy", _poisson(200.0), **_COUNTED | {"only_high": False}),
    World("counts_day", _office_counts, **_COUNTED),
    World("counts_low", _poisson(2.0), **_COUNTED),
    World("counts_bursty", _bursty_counts, **_COUNTED),
    World("counts_sparse", _poisson(0.05), **_COUNTED),
    World("span_1m", _wave(DAY), span=MINUTE, clean_days=3, spiked_days=3),
    World("span_5m", _wave(DAY), span=5 * MINUTE, clean_days=15, spiked_days=15),
    World("span_15m", _days_and_weeks, span=15 * MINUTE),
    World("span_1d", _steady_week, span=DAY, clean_days=240, spiked_days=60),
)

WORLDS: dict[str, World] = {world.name: world for world in _ALL}
