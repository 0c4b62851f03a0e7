"""When statistics of a categorizer are worth a document: on a new status, and before a model is saved.

There is one set per partition; a job that categorizes all messages alike has a single one, without a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.runtime.documents import Line
from proxy.store.results import ids as result_ids
from proxy.store.results.reserved_fields import scalar_copy

Stats = Mapping[str, Any]
_SEEN = ("categorized_doc_count", "failed_category_count")


@dataclass(slots=True)
class CategorizerReports:
    """What was told last: by partition value the status, and how many messages there had been."""

    told: dict[str | None, tuple[str, int]] = field(default_factory=dict)

    def may_have_changed(self, model_size: Stats) -> bool:
        """Whether it is worth counting each partition: not while all of them are, and were, as they should be."""
        is_ok = model_size.get("categorization_status", "ok") == "ok"
        return not is_ok or any(status != "ok" for status, _ in self.told.values())

    def changed(self, stats: Iterable[Stats]) -> list[Stats]:
        """Those whose status is not the one that was told last; it begins as ok. They count as told."""
        return self._told([one for one in stats if one["categorization_status"] != self._status(one)])

    def grown(self, stats: Iterable[Stats]) -> list[Stats]:
        """Those that are new or have had further messages. They count as told."""
        return self._told([one for one in stats if self.told.get(_partition(one)) != _summary(one)])

    def _status(self, stats: Stats) -> str:
        return self.told.get(_partition(stats), ("ok", 0))[0]

    def _told(self, stats: list[Stats]) -> list[Stats]:
        self.told |= {_partition(one): _summary(one) for one in stats}
        return stats

    def state(self) -> list[list[Any]]:
        return [[value, *summary] for value, summary in self.told.items()]

    @classmethod
    def from_state(cls, state: Iterable[list[Any]]) -> CategorizerReports:
        return cls({value: (status, seen) for value, status, seen in state})


def _partition(stats: Stats) -> str | None:
    return stats.get("partition_field_value")


def _summary(stats: Stats) -> tuple[str, int]:
    return stats["categorization_status"], sum(stats[name] for name in _SEEN)


def stats_documents(job_id: str, stats: Iterable[Stats], now_ms: int, latest_record_ms: int | None) -> Iterator[Line]:
    """categorizer_stats in their documented order."""
    for one in stats:
        value = one.get("partition_field_value")
        named = {key: one[key] for key in ("partition_field_name", "partition_field_value") if key in one}
        source = {"job_id": job_id, "result_type": "categorizer_stats", **named}
        source |= scalar_copy(one.get("partition_field_name"), value)
        source |= {key: one[key] for key in one if key not in named}
        times = {"log_time": now_ms, "timestamp": now_ms if latest_record_ms is None else latest_record_ms}
        yield result_ids.categorizer_stats(job_id, now_ms, value), source | times


def status_annotation(stats: Stats, latest_record_ms: int) -> dict[str, Any]:
    """The note that categorization has begun to work, or to fail."""
    text = f"Categorization status changed to '{stats['categorization_status']}'"
    note: dict[str, Any] = {"timestamp": latest_record_ms, "end_timestamp": latest_record_ms}
    if "partition_field_name" in stats:
        name, value = stats["partition_field_name"], stats["partition_field_value"]
        text += f" for '{name}' '{value}'"
        note |= {"partition_field_name": name, "partition_field_value": value}
    return {"annotation": text, **note, "event": "categorization_status_change"}
