"""Renormalisation: new scores brought to results written earlier, in the same step or long ago.

Earlier results are rewritten whole, because a partial update would take away their seal (``store.results.seal``).
Only scores change, never ``initial_*``. A bucket holds copies of its bucket influencers; those change with them, and
so does the bucket's own score, which is the highest of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.engine import Rescored
from proxy.runtime.documents import Document, Line, bucket_id_of, rescored_id

SCORE_OF = {
    "bucket": "anomaly_score",
    "bucket_influencer": "anomaly_score",
    "record": "record_score",
    "influencer": "influencer_score",
}
# New scores of a bucket's own copies of its influencers, by the influencer's field name.
InnerScores = Mapping[str, float]


@dataclass(slots=True)
class Rescoring:
    """New scores by document id, and those inside buckets by bucket id."""

    scores: dict[str, Document] = field(default_factory=dict)
    inner: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, job_id: str, rescored: Iterable[Rescored]) -> Rescoring:
        """Later changes of a document win."""
        new = cls()
        for change in rescored:
            new.scores[rescored_id(job_id, change)] = {SCORE_OF[change.kind]: change.score}
            if change.kind == "bucket_influencer":
                name = str(change.identity.get("influencer_field_name"))
                new.inner.setdefault(bucket_id_of(job_id, change.identity), {})[name] = change.score
        return new

    def add(self, later: Rescoring) -> None:
        self.scores.update(later.scores)
        for bucket_id, scores in later.inner.items():
            self.inner.setdefault(bucket_id, {}).update(scores)

    def ids(self) -> list[str]:
        return list(self.scores.keys() | self.inner.keys())

    def rescored(self, document_id: str, source: Document) -> Document:
        fresh = {**source, **self.scores.get(document_id, {})}
        inner = self.inner.get(document_id)
        return with_inner_scores(fresh, inner) if inner else fresh

    def applied(self, produced: Sequence[Line]) -> list[Line]:
        """Documents that are about to be written, with their new scores; what is left here concerns older ones."""
        lines = [(document_id, self.rescored(document_id, source)) for document_id, source in produced]
        for document_id, _ in produced:
            self.scores.pop(document_id, None)
            self.inner.pop(document_id, None)
        return lines


def with_inner_scores(bucket: Mapping[str, Any], scores: InnerScores) -> dict[str, Any]:
    """A bucket, with at least one influencer, whose influencers have new scores."""
    influencers = [
        {
            **influencer,
            "anomaly_score": scores.get(influencer.get("influencer_field_name"), influencer["anomaly_score"]),
        }
        for influencer in bucket["bucket_influencers"]
    ]
    highest = max(influencer["anomaly_score"] for influencer in influencers)
    return {**bucket, "anomaly_score": highest, "bucket_influencers": influencers}
