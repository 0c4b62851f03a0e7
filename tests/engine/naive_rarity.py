"""Rarity with dictionaries and loops: the slow twin of proxy.engine.rarity (no pruning, no rebasing)."""

from __future__ import annotations

import math
from statistics import median


class NaiveRarity:
    """Keeps when everything was last seen and recomputes all decayed counts at each question."""

    def __init__(self, bucket_span_s, *, is_population=False, is_frequency_weighted=False):
        self.is_population = is_population or is_frequency_weighted
        self.is_weighted = is_frequency_weighted
        self.decay = 0.0005 * min(1.0, bucket_span_s / 1800)
        self.sightings = {}  # (partition, by) -> buckets it was seen in
        self.last_shown = {}  # (partition, by, over) -> last bucket
        self.events = []  # (bucket, partition, by, over, count)

    def aged(self, since, now):
        return math.exp(-self.decay * (now - since))

    def category_counts(self, partition, now):
        counts = {}
        if self.is_population:
            for (p, by, _), bucket in self.last_shown.items():
                if p == partition:
                    counts[by] = counts.get(by, 0.0) + self.aged(bucket, now)
        else:
            for (p, by), buckets in self.sightings.items():
                if p == partition:
                    counts[by] = sum(self.aged(bucket, now) for bucket in buckets)
        return counts

    def sighting_counts(self, partition, now):
        counts = {}
        for bucket, p, by, _, _ in self.events:
            if p == partition:
                counts[by] = counts.get(by, 0.0) + self.aged(bucket, now)
        return counts

    def probability(self, counts, by):
        total = sum(counts.values())
        once = sum(1 for count in counts.values() if count <= 1.5)
        own = counts.get(by, 0.0)
        mass = 0.0
        if by in counts:
            mass = sum(count for count in counts.values() if count <= (own + math.sqrt(own)) * (1 + 1e-9))
        return min(1.0, (mass + once + 1) / (total + 2))

    def weight(self, rows, now, partition, by, over):
        mine = [(b, c) for (p, b, o), c in rows.items() if (p, o) == (partition, over)]
        in_bucket = sum(c for _, c in mine)
        past = [(b, c * self.aged(bucket, now)) for bucket, p, b, o, c in self.events if (p, o) == (partition, over)]
        own = sum(c for b, c in past if b == by) + rows[partition, by, over]
        count = rows[partition, by, over]
        share = max(count / (in_bucket + 5.0), own / (sum(c for _, c in past) + in_bucket + 5.0))
        return 1 - (1 - share) ** count

    def score(self, now, rows):
        """rows: (partition, by, over) -> events; answers (partition, by, over) -> (p, first, relative)."""
        answers = {}
        for partition, by, over in rows:
            counts = self.category_counts(partition, now)
            p = self.probability(counts, by)
            if self.is_population:
                p = min(p, 2 * self.probability(self.sighting_counts(partition, now), by))
            active = {bucket for bucket, q, *_ in self.events if q == partition}
            p = p ** min(1.0, sum(self.aged(bucket, now) for bucket in active) / 20)
            if self.is_weighted:
                p = p ** self.weight(rows, now, partition, by, over)
            relative = median(counts.values()) / counts[by] if by in counts else 0.0
            answers[partition, by, over] = (p, by not in counts, relative)
        return answers

    def learn(self, now, rows):
        for (partition, by, over), count in rows.items():
            self.sightings.setdefault((partition, by), set()).add(now)
            self.last_shown[partition, by, over] = now
            self.events.append((now, partition, by, over, count))
