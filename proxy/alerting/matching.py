"""Which results of a finished bucket a rule is about: pure, the same for a preview as for alerts.

The threshold is tested on the score that a result had when its bucket became final (``initial_…``): what is lowered
later has been worth an alert all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.alerting.rule import AnomalyParams

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BucketResults:
    """What a job has found in one bucket; times in epoch milliseconds, documents as they are stored."""

    job_id: str
    timestamp_ms: int
    span_ms: int
    is_interim: bool
    bucket: Document
    records: Sequence[Document]
    influencers: Sequence[Document]

    @property
    def end_ms(self) -> int:
        return self.timestamp_ms + self.span_ms


@dataclass(frozen=True, slots=True)
class Match:
    """A group of a bucket that is over the threshold: the worst score at first and now, and its worst results."""

    group: str
    initial_score: float
    score: float
    total: int
    records: Sequence[Document]
    influencers: Sequence[Document]


def matches_of(params: AnomalyParams, results: BucketResults) -> list[Match]:
    """One for each group over the threshold, the worst first."""
    found = _of_bucket(params, results) if params.result_type == "bucket" else _of_details(params, results)
    return sorted(found, key=lambda match: (-match.initial_score, match.group))


def _of_bucket(params: AnomalyParams, results: BucketResults) -> list[Match]:
    bucket = results.bucket
    initial = float(bucket["initial_anomaly_score"])
    if initial <= params.severity:  # a bucket must be over the threshold, records and influencers may be at it
        return []
    records, influencers = _worst(results.records, params.records), _worst(results.influencers, params.records)
    return [Match(results.job_id, initial, float(bucket["anomaly_score"]), len(results.records), records, influencers)]


def _of_details(params: AnomalyParams, results: BucketResults) -> list[Match]:
    kind = params.result_type
    details = results.records if kind == "record" else results.influencers
    groups: dict[str, list[Document]] = {}
    for detail in details:
        if float(detail[f"initial_{kind}_score"]) >= params.severity and params.condition(detail):
            for group in _groups(params, results.job_id, detail):
                groups.setdefault(group, []).append(detail)
    return [_match(params, results, group, found) for group, found in groups.items()]


def _match(params: AnomalyParams, results: BucketResults, group: str, found: list[Document]) -> Match:
    kind, shown = params.result_type, params.records
    worst = _worst(found, shown)
    initial, score = float(worst[0][f"initial_{kind}_score"]), float(worst[0][f"{kind}_score"])
    if kind == "influencer":
        return Match(group, initial, score, len(found), _worst(results.records, shown), worst)
    return Match(group, initial, score, len(found), worst, _worst(_blamed(found, results.influencers), shown))


def _blamed(records: Sequence[Document], influencers: Sequence[Document]) -> list[Document]:
    """Those influencers of a bucket that its records name."""
    named = {value for record in records for value in _influences(record)}
    return [each for each in influencers if _influence(each) in named]


def _influences(record: Document) -> Iterator[tuple[str, str]]:
    for each in record.get("influencers", ()):
        yield from ((each["influencer_field_name"], value) for value in each["influencer_field_values"])


def _influence(influencer: Document) -> tuple[str, str]:
    return influencer["influencer_field_name"], influencer["influencer_field_value"]


def _score(detail: Document) -> float:
    return float(detail.get("initial_record_score", detail.get("initial_influencer_score", 0.0)))


def _worst(details: Sequence[Document], count: int) -> list[Document]:
    return sorted(details, key=lambda detail: -_score(detail))[:count]


def _groups(params: AnomalyParams, job_id: str, detail: Document) -> list[str]:
    """The alerts that a result belongs to."""
    if params.group_by == "job":
        return [job_id]
    if params.group_by == "detector":
        return [f"{job_id}:{detail['detector_index']}"]
    if params.group_by == "entity":
        return [f"{job_id}:{_entity(detail)}"]
    if params.result_type == "influencer":
        return [_influencer_group(job_id, *_influence(detail))]
    return [_influencer_group(job_id, *influence) for influence in dict.fromkeys(_influences(detail))] or [job_id]


def _influencer_group(job_id: str, name: str, value: str) -> str:
    return f"{job_id}:{name}={value}"


def _entity(record: Document) -> str:
    """What tells the series of a record apart from others of its detector."""
    pairs = (
        (record[f"{side}_field_name"], record.get(f"{side}_field_value", ""))
        for side in ("partition", "over", "by")
        if record.get(f"{side}_field_name")
    )
    return ",".join(f"{name}={value}" for name, value in pairs) or str(record["detector_index"])
