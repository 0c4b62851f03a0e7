"""What the engine needs to know of a job, as frozen values.

They are read from a job's configuration in proxy/job_config/engine_spec.py; nothing is parsed or defaulted here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.engine.functions import Function, Kind

# The field under which a detector finds the category of a message.
CATEGORY_FIELD = "mlcategory"


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector; `parts` holds more than one feature only for `metric`."""

    index: int
    function: str
    parts: tuple[Function, ...]
    field: str | None
    by: str | None
    over: str | None
    partition: str | None
    use_null: bool
    exclude_frequent: str | None
    rules: tuple[Mapping[str, object], ...]

    @property
    def kind(self) -> Kind:
        return self.parts[0].kind

    @property
    def is_population(self) -> bool:
        """True if over entities are compared with each other."""
        return self.over is not None

    @property
    def split_fields(self) -> tuple[str, ...]:
        """The fields that tell entities apart: partition, over, by (those set)."""
        return tuple(f for f in (self.partition, self.over, self.by) if f)


@dataclass(frozen=True, slots=True)
class CategorizationSpec:
    """How messages become categories.

    `partition_field` is None where all messages are categorized alike; `filters` count only without an `analyzer`.
    """

    field: str
    analyzer: str | Mapping[str, object] | None
    filters: tuple[str, ...]
    partition_field: str | None
    stop_on_warn: bool
    examples_limit: int


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The analysed part of a job; spans, latency and windows in seconds, the memory limit in bytes."""

    bucket_span: int
    latency: int
    detectors: tuple[DetectorSpec, ...]
    influencers: tuple[str, ...]
    summary_count_field: str | None
    categorization: CategorizationSpec | None
    plot_enabled: bool
    plot_terms: frozenset[str]
    annotations_enabled: bool
    memory_limit: int
    prune_window: int
    renormalization_window: int
    # The fields that a batch should bring as text: split fields, influencers, the message to categorize.
    text_fields: tuple[str, ...]
    number_fields: tuple[str, ...]
    # What the rows of an open bucket keep as text: the message gives way to its category.
    kept_text_fields: tuple[str, ...]
