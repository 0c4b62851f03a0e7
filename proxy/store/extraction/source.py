"""What a datafeed reads: its configuration and the fields of its job, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.job_config import datafeed as datafeed_config

# Parts of a search request, as the user wrote them.
Json = Any
DOC_COUNT = "doc_count"


@dataclass(frozen=True, slots=True)
class Source:
    """``fields`` are those that the job analyses, without the time unless it is analysed too."""

    datafeed_id: str
    indices: tuple[str, ...]
    options: Mapping[str, Json]
    query: Json
    time_field: str
    fields: tuple[str, ...]
    scroll_size: int
    runtime_mappings: Mapping[str, Json]
    script_fields: Mapping[str, Json]
    aggregations: Mapping[str, Json] | None
    summary_count_field: str | None

    @classmethod
    def of(
        cls,
        datafeed: Mapping[str, Json],
        fields: Sequence[str],
        *,
        time_field: str,
        summary_count_field: str | None = None,
    ) -> Source:
        """The source of a stored (that is: normalised) datafeed."""
        return cls(
            datafeed_id=datafeed["datafeed_id"],
            indices=tuple(datafeed["indices"]),
            options=datafeed.get("indices_options") or datafeed_config.DEFAULT_INDICES_OPTIONS,
            query=datafeed.get("query") or datafeed_config.DEFAULT_QUERY,
            time_field=time_field,
            fields=tuple(dict.fromkeys(fields)),
            scroll_size=int(datafeed.get("scroll_size") or datafeed_config.DEFAULT_SCROLL_SIZE),
            runtime_mappings=datafeed.get("runtime_mappings") or {},
            script_fields=datafeed.get("script_fields") or {},
            aggregations=datafeed.get("aggregations") or datafeed.get("aggs") or None,
            summary_count_field=summary_count_field,
        )

    @property
    def counts_documents(self) -> bool:
        """Whether the number of an aggregation's documents is the summary count of its record."""
        return self.summary_count_field == DOC_COUNT
