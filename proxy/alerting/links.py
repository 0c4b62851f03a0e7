"""Where the page shows what a message is about."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from proxy.alerting.episodes import Episode
from proxy.units import iso

# How many buckets the linked page shows on either side of the anomaly.
_AROUND = 10


@dataclass(frozen=True, slots=True)
class Links:
    """
    base_url: where people reach this product, without a slash at its end; empty where nobody has said so.
    page_path: where the page is below it; None where there is no page.
    """

    base_url: str
    page_path: str | None

    def explorer(self, episode: Episode) -> str:
        """The anomaly in the explorer, below ``base_url``; empty without a page."""
        if self.page_path is None:
            return ""
        around = _AROUND * episode.span_ms
        first, last = episode.moments[-1] - around, episode.end_ms + around
        return f"{self.page_path}/explorer?job={quote(episode.job_id)}&from={iso(first)}&to={iso(last)}"

    def rule(self, rule_id: str) -> str:
        """The whole address of a rule on the page; empty where either is unknown."""
        if self.page_path is None or not self.base_url:
            return ""
        return f"{self.base_url}{self.page_path}/rules?open={quote(rule_id)}"
