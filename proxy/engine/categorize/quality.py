"""Whether categorization works: the counts and the status of categorizer_stats.

quality_of(categories, failed) -> Quality;  Quality.status(), .as_stats()
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.engine.categorize.matching import CategorySet

LEAST_MESSAGES = 100
FREQUENT_SHARE = 0.01
MOST_RARE_SHARE = 0.9
MOST_CATEGORIES_PER_MESSAGE = 0.5
MOST_DEAD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts over the categories of one partition."""

    categorized: int
    total: int
    frequent: int
    rare: int
    dead: int
    failed: int

    def status(self) -> str:
        """warn if the categories cannot be what the author of the messages meant, else ok."""
        if self.categorized < LEAST_MESSAGES:
            return "ok"
        is_suspect = (
            self.total == 1
            or self.rare > MOST_RARE_SHARE * self.total
            or self.total > MOST_CATEGORIES_PER_MESSAGE * self.categorized
            or self.frequent == 0
            or self.dead > MOST_DEAD_SHARE * self.total
        )
        return "warn" if is_suspect else "ok"

    def as_stats(self) -> dict[str, object]:
        """The keys of the API."""
        return {
            "categorized_doc_count": self.categorized,
            "total_category_count": self.total,
            "frequent_category_count": self.frequent,
            "rare_category_count": self.rare,
            "dead_category_count": self.dead,
            "failed_category_count": self.failed,
        }


def quality_of(categories: CategorySet, failed: int) -> Quality:
    """Count."""
    matches = [category.num_matches for category in categories.categories]
    categorized = sum(matches)
    dead = {category_id for ids in categories.preferred_to().values() for category_id in ids}
    return Quality(
        categorized=categorized,
        total=len(matches),
        frequent=sum(count > FREQUENT_SHARE * categorized for count in matches),
        rare=sum(count == 1 for count in matches),
        dead=len(dead),
        failed=failed,
    )
