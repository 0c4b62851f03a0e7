"""From findings to documents: aggregation, normalisation, records, influencers and the bucket.

The judgements of all detectors of one bucket go in; the documents of that bucket come out.
"""

from dataclasses import dataclass, field

import numpy as np

from proxy.engine.equalise import Equaliser
from proxy.engine.findings import Finding, Judgement
from proxy.engine.normalise import Normaliser, common_youth, magnitude
from proxy.engine.probability import (
    WORTH_WRITING,
    clip_p,
    combine_groups_ln,
    combine_ln,
    extreme_ln,
    population_groups_ln,
)
from proxy.engine.results import Document, Results
from proxy.engine.spec import JobSpec

# Weights of the joint and the extreme view, and how many extremes are looked at.
# Series that fail together are as much of an incident as one that fails badly.
ENTITIES = (0.5, 0.5, 5)
# Partitions are unrelated: the most unusual one decides.
PARTITIONS = (0.0, 1.0, 1)
# Detectors look at the same data from several sides: agreement counts, and so does the highest score.
DETECTORS = (0.5, 0.5, 1)
MOST_RECORDS = 500
BUCKET_TIME = "bucket_time"
_LN_WORTH = float(np.log(WORTH_WRITING))


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """What the job knows of a bucket besides its anomalies."""

    time: int
    bucket: int
    event_count: int
    is_interim: bool
    events: tuple[str, ...]
    # influencer field -> number of distinct values in the bucket
    distinct: dict[str, int]


@dataclass(slots=True)
class _Influencing:
    """Influencer values of one bucket: per detector, ln p of every anomaly they took part in, and its youth."""

    parts: dict[tuple[str, str], dict[int, list[tuple[float, float]]]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        for name, values in finding.influences.items():
            for value, strength in values.items():
                parts = self.parts.setdefault((name, value), {})
                part = (float(np.log(finding.p)) * strength, finding.youth)
                parts.setdefault(finding.detector.index, []).append(part)


@dataclass(frozen=True, slots=True)
class _Member:
    """What one influencer field, or the time, makes of a bucket."""

    ln_p: float
    youth: float


class Scorer:
    """Holds the normalisers of a job; one call per bucket."""

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self._populations = {detector.index for detector in spec.detectors if detector.is_population}
        self._normalisers: dict[str, Normaliser] = {}
        self._equaliser = Equaliser()

    def normaliser(self, kind: str, name: str) -> Normaliser:
        """The normaliser of one kind of result, made on first use."""
        key = f"{kind}/{name}"
        found = self._normalisers.get(key)
        if found is None:
            found = Normaliser(kind, self.spec.bucket_span, self.spec.renormalization_window)
            self._normalisers[key] = found
        return found

    def write(self, facts: BucketFacts, judgements: dict[int, Judgement], out: Results) -> None:
        """Appends the bucket's documents to `out`."""
        findings = [f for j in judgements.values() for f in j.findings]
        findings.sort(key=lambda f: (f.p, f.detector.index, f.partition or "", f.by or "", f.over or ""))
        influencing = _Influencing()
        for finding in findings:
            influencing.add(finding)
        self._write_records(facts, judgements, findings[:MOST_RECORDS], out)
        members = self._write_influencers(facts, influencing, len(judgements), out)
        self._write_bucket(facts, judgements, members, findings, out)
        if not facts.is_interim:
            for key in sorted(self._normalisers):
                out.rescored.extend(self._normalisers[key].rescore(facts.time))

    def _write_records(
        self, facts: BucketFacts, judgements: dict[int, Judgement], findings: list[Finding], out: Results
    ) -> None:
        maxima: dict[int, dict[str, float]] = {index: {} for index in judgements}
        sizes: dict[int, list[float]] = {index: [] for index in judgements}
        for finding in findings:
            normaliser = self.normaliser("record", str(finding.detector.index))
            ln_p = float(np.log(finding.p))
            scope = finding.partition or ""
            score = normaliser.score(facts.time, ln_p, scope, finding.youth)
            record = record_document(facts, self.spec, finding, score)
            out.records.append(record)
            if finding.is_learnt:
                sizes[finding.detector.index].append(magnitude(ln_p))
                of_detector = maxima[finding.detector.index]
                of_detector[scope] = max(of_detector.get(scope, 0.0), magnitude(ln_p))
            if not facts.is_interim:
                normaliser.remember(
                    facts.time, _record_identity(record), ln_p, scope=scope, youth=finding.youth, score=score
                )
        if not facts.is_interim:
            for index, judgement in judgements.items():
                normaliser = self.normaliser("record", str(index))
                if index in self._populations:
                    # A population is one thing to watch, however many over entities it has.
                    count = len(np.unique(judgement.partition))
                    normaliser.observe(facts.time, maxima[index], entities=max(1, count))
                else:
                    normaliser.observe(facts.time, maxima[index], sizes[index], max(1, len(judgement.p)))

    def _write_influencers(
        self, facts: BucketFacts, influencing: _Influencing, detectors: int, out: Results
    ) -> dict[str, _Member]:
        """Writes the influencers; returns what each influencer field makes of the bucket."""
        by_field: dict[str, list[tuple[float, float]]] = {}
        sizes: dict[str, dict[str, float]] = {name: {} for name in self.spec.influencers}
        for (name, value), parts in sorted(influencing.parts.items()):
            if name not in sizes:
                continue
            each = [
                self._equaliser.level(i, combine_ln(np.exp(np.array(p)[:, 0]), *ENTITIES)) for i, p in parts.items()
            ]
            # Detectors that found nothing count too: a few small probabilities among many are chance.
            ln_p = combine_ln(np.exp(np.array(each + [0.0] * (detectors - len(each)))), *DETECTORS)
            if ln_p >= _LN_WORTH:
                continue
            youth = common_youth([anomaly for p in parts.values() for anomaly in p])
            by_field.setdefault(name, []).append((ln_p, youth))
            normaliser = self.normaliser("influencer", name)
            score = normaliser.score(facts.time, ln_p, value, youth)
            sizes[name][value] = magnitude(ln_p)
            out.influencers.append(influencer_document(facts, self.spec, (name, value), ln_p, score))
            if not facts.is_interim:
                identity: Document = {
                    "timestamp": facts.time * 1000,
                    "bucket_span": self.spec.bucket_span,
                    "influencer_field_name": name,
                    "influencer_field_value": value,
                }
                normaliser.remember(facts.time, identity, ln_p, scope=value, youth=youth, score=score)
        if not facts.is_interim:
            for name, seen in sizes.items():
                self.normaliser("influencer", name).observe(facts.time, seen, entities=facts.distinct.get(name, 1))
        # Only values that some anomaly is attributed to take part: the others could not be the most unusual one.
        return {
            name: _Member(extreme_ln(np.exp(np.array(parts)[:, 0]), 1), common_youth(parts))
            for name, parts in by_field.items()
        }

    def _write_bucket(
        self,
        facts: BucketFacts,
        judgements: dict[int, Judgement],
        members: dict[str, _Member],
        findings: list[Finding],
        out: Results,
    ) -> None:
        per_detector = {
            i: detector_ln(j, is_population=i in self._populations) for i, j in judgements.items() if len(j.p)
        }
        root_ln = bucket_ln([self._equaliser.level(i, ln_p) for i, ln_p in per_detector.items()])
        if findings:
            youth = common_youth([(float(np.log(f.p)), f.youth) for f in findings])
            members = members | {BUCKET_TIME: _Member(root_ln, youth)}
        named = (*self.spec.influencers, BUCKET_TIME)
        documents = [self._bucket_influencer(facts, name, members[name]) for name in named if name in members]
        if not facts.is_interim:
            self._equaliser.observe(per_detector)
            known = {name: member.ln_p for name, member in members.items()} | {BUCKET_TIME: root_ln}
            for name in named:
                self.normaliser("bucket_influencer", name).observe(facts.time, {"": magnitude(known.get(name, 0.0))})
        score = max((float(str(d["anomaly_score"])) for d in documents), default=0.0)
        bucket: Document = {
            "timestamp": facts.time * 1000,
            "anomaly_score": score,
            "bucket_span": self.spec.bucket_span,
            "initial_anomaly_score": score,
            "event_count": facts.event_count,
            "is_interim": facts.is_interim,
            "bucket_influencers": documents,
        }
        if facts.events:
            bucket["scheduled_events"] = list(facts.events)
        out.buckets.append(bucket)

    def _bucket_influencer(self, facts: BucketFacts, name: str, member: _Member) -> Document:
        normaliser, ln_p = self.normaliser("bucket_influencer", name), member.ln_p
        score = normaliser.score(facts.time, ln_p, "", member.youth)
        if not facts.is_interim:
            identity: Document = {
                "timestamp": facts.time * 1000,
                "bucket_span": self.spec.bucket_span,
                "influencer_field_name": name,
            }
            normaliser.remember(facts.time, identity, ln_p, scope="", youth=member.youth, score=score)
        return {
            "influencer_field_name": name,
            "initial_anomaly_score": score,
            "anomaly_score": score,
            "raw_anomaly_score": magnitude(ln_p),
            "probability": float(np.exp(max(ln_p, -690.0))),
            "timestamp": facts.time * 1000,
            "bucket_span": self.spec.bucket_span,
            "is_interim": facts.is_interim,
        }

    def state(self) -> dict[str, object]:
        """Tree of all normalisers (the job's quantiles) and of the equaliser."""
        normalisers = {key: n.state() for key, n in sorted(self._normalisers.items())}
        return {"normalisers": normalisers, "equaliser": self._equaliser.state()}

    def restore(self, tree: dict[str, object]) -> None:
        """Takes over a tree written by `state`."""
        normalisers, equaliser = tree["normalisers"], tree["equaliser"]
        assert isinstance(normalisers, dict) and isinstance(equaliser, list)
        self._equaliser.restore(equaliser)
        for key, state in normalisers.items():
            kind, name = key.split("/", 1)
            self.normaliser(kind, name).restore(state)


def bucket_ln(per_detector: list[float]) -> float:
    """ln p of the bucket from those of its detectors."""
    return combine_ln(np.exp(np.maximum(np.array(per_detector), -690.0)), *DETECTORS)


def detector_ln(judgement: Judgement, *, is_population: bool = False) -> float:
    """ln p of one detector's bucket: entities of a partition first, then the partitions.

    Over entities are compared with each other, so what all of them do is usual and only the least usual one counts.
    """
    telling = slice(None) if judgement.is_telling is None else judgement.is_telling
    p, partition = judgement.p[telling], judgement.partition[telling]
    if len(p) == 1 and not is_population:
        # Most detectors have one series: nothing is to be grouped.
        return combine_ln(np.exp(np.maximum(np.log(clip_p(p)), -690.0)), *PARTITIONS)
    # By size within a partition: the order in which groups come hangs on how records were batched, and rounding on it.
    order = np.lexsort((p, partition))
    starts = np.flatnonzero(np.diff(partition[order], prepend=-1))
    grouped = p[order]
    parts = population_groups_ln(grouped, starts) if is_population else combine_groups_ln(grouped, starts, *ENTITIES)
    return combine_ln(np.exp(np.maximum(parts, -690.0)), *PARTITIONS)


def record_document(facts: BucketFacts, spec: JobSpec, finding: Finding, score: float) -> Document:
    """A record in the documented order of keys."""
    detector = finding.detector
    out: Document = {"probability": finding.p}
    if finding.multi_bucket_impact is not None:
        out["multi_bucket_impact"] = finding.multi_bucket_impact
    out |= {
        "record_score": score,
        "initial_record_score": score,
        "bucket_span": spec.bucket_span,
        "detector_index": detector.index,
        "is_interim": facts.is_interim,
        "timestamp": facts.time * 1000,
    }
    if detector.by is not None:
        out["by_field_name"] = detector.by
        if finding.by is not None:
            out["by_field_value"] = finding.by
    if detector.partition is not None:
        out |= {"partition_field_name": detector.partition, "partition_field_value": finding.partition or ""}
    out |= {"function": detector.function, "function_description": finding.part.description}
    if finding.causes is None:
        out |= {"typical": finding.typical, "actual": finding.actual}
    if detector.field is not None:
        out["field_name"] = detector.field
    if detector.over is not None:
        out |= {"over_field_name": detector.over, "over_field_value": finding.over or ""}
    if finding.causes is not None:
        out["causes"] = finding.causes
    influencers = [
        {"influencer_field_name": name, "influencer_field_values": list(finding.influences[name])}
        for name in spec.influencers
        if finding.influences.get(name)
    ]
    if influencers:
        out["influencers"] = influencers
    if finding.geo is not None:
        out["geo_results"] = finding.geo
    if finding.explanation is not None:
        out["anomaly_score_explanation"] = finding.explanation
    return out


def influencer_document(
    facts: BucketFacts, spec: JobSpec, named: tuple[str, str], ln_p: float, score: float
) -> Document:
    """An influencer in the documented order of keys."""
    return {
        "influencer_field_name": named[0],
        "influencer_field_value": named[1],
        "influencer_score": score,
        "initial_influencer_score": score,
        "probability": float(np.exp(max(ln_p, -690.0))),
        "bucket_span": spec.bucket_span,
        "is_interim": facts.is_interim,
        "timestamp": facts.time * 1000,
    }


_IDENTITY = (
    "timestamp",
    "bucket_span",
    "detector_index",
    "by_field_value",
    "over_field_value",
    "partition_field_value",
)


def _record_identity(record: Document) -> Document:
    return {key: record[key] for key in _IDENTITY if key in record}
