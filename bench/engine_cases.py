"""Happenings whose right answer is plain, through jobs of one mean over many series (partitions): what users would see.

Noise is a normal law of spread 1 unless said; a score is the highest record_score that was written first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench import jobs
from bench.worlds import DAY, HOUR, MINUTE, START
from proxy.engine import Batch, Column, Results
from proxy.engine.results import Floats

SEEDS = 10
KEYS = [f"series {i:02d}" for i in range(SEEDS)]
FOUND, SHOWN = 75.0, 25.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the bench: what was asked, the figure, what it should be."""

    question: str
    figure: str
    wanted: str


def run(values: Floats, span: int) -> Results:
    """The results of buckets x SEEDS of values from START on, by partition."""
    times = np.repeat(START + span * np.arange(len(values)), SEEDS)
    codes = np.tile(np.arange(SEEDS, dtype=np.int32), len(values))
    batch = Batch(times, {"key": Column(codes, KEYS)}, {"value": values.reshape(-1)})
    detector: dict[str, object] = {"function": "mean", "field_name": "value", "partition_field_name": "key"}
    return jobs.run(detector, batch, span)


def scores(values: Floats, span: int) -> Floats:
    """initial_record_score of each bucket and series, 0 where no record was written."""
    out = np.zeros(values.shape)
    for record in run(values, span).records:
        row = (jobs.bucket_start(record) - START) // span
        out[row, KEYS.index(str(record["partition_field_value"]))] = jobs.number(record, "initial_record_score")
    return out


def _noise(days: float, span: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(int(days * DAY / span), SEEDS))


def _times(values: Floats, span: int) -> Floats:
    return (span * np.arange(len(values), dtype=np.float64))[:, None]


# ---- square wave


def square_wave(period_s: int, span: int, noise: float, days: float = 10) -> Floats:
    """10 and 50 in turn, half a period each; every other series half an hour later."""
    drawn = noise * _noise(days, span, 1)
    late = np.arange(SEEDS) % 2 * HOUR / 2
    return np.where((_times(drawn, span) + late) % period_s < period_s / 2, 10.0, 50.0) + drawn


def square_waves() -> Iterator[Answer]:
    """Records of 25 and more where all is as it always was, after the third day."""
    for period_s in (DAY, 8 * HOUR):
        for span in (5 * MINUTE, HOUR):
            for noise in (0.0, 1.0):
                shown = scores(square_wave(period_s, span, noise), span)[int(3 * DAY / span) :] >= SHOWN
                yield Answer(
                    f"square wave of {period_s // HOUR} h, noise {noise:g}, buckets of {span // MINUTE} min",
                    f"{shown.sum() / SEEDS:.1f} records >= {SHOWN:g} a series",
                    "0",
                )


# ---- the same incident


INCIDENT_DAY, INCIDENT_S, SECOND_AFTER_S = 12, 3 * HOUR, 36 * HOUR


def incident(span: int) -> tuple[Floats, list[slice]]:
    """(values, buckets of each incident): a day's wave that falls by 30 for three hours, and again 36 hours later."""
    noise = _noise(15, span, 2)
    values = 100.0 + 15.0 * np.sin(2 * np.pi * _times(noise, span) / DAY) + 2.0 * noise
    starts = [INCIDENT_DAY * DAY + 14 * HOUR + late for late in (0, SECOND_AFTER_S)]
    spans = [slice(start // span, (start + INCIDENT_S) // span) for start in starts]
    for each in spans:
        values[each] -= 30.0
    return values, spans


def incidents() -> Iterator[Answer]:
    """The share of series in which each of the two incidents is found."""
    for span in (5 * MINUTE, 15 * MINUTE, HOUR):
        values, spans = incident(span)
        found = scores(values, span)
        peaks = [found[each].max(axis=0) for each in spans]
        shares = ", ".join(f"{np.mean(peak >= FOUND):.0%}" for peak in peaks)
        worst = ", ".join(f"{peak.min():.0f}" for peak in peaks)
        yield Answer(
            f"an incident and one 36 h later, buckets of {span // MINUTE} min",
            f"found {shares}; least scores {worst}",
            "100%, 100%",
        )


# ---- a spike on the first day


SPIKE_AT = 550


def first_spike(span: int) -> float:
    """The least score of a value twenty times the usual in the 551st bucket of series of 100 +- 3."""
    noise = np.random.default_rng(3).normal(size=(SPIKE_AT + 3, SEEDS))
    values = 100.0 + 3.0 * noise
    values[SPIKE_AT] *= 20.0
    return float(scores(values, span)[SPIKE_AT].min())


def first_spikes() -> Iterator[Answer]:
    """Spikes that anybody sees, at short buckets."""
    for span in (1, 5, 10, 15, 60):
        yield Answer(
            f"20 times the usual after {SPIKE_AT} buckets of {span} s",
            f"least score {first_spike(span):.0f}",
            f">= {FOUND:g}",
        )


QUESTIONS = (square_waves, incidents, first_spikes)


def answers(number: int) -> list[Answer]:
    """All of one of the QUESTIONS."""
    return list(QUESTIONS[number]())
