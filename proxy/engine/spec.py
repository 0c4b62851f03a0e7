"""What the engine needs to know of a job: the API's job document read once into frozen values.

Validation belongs to the API; here a document is taken as valid.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.engine.functions import TEXT_FEATURES, Function, Kind, parts_of

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "micros": 1e-6, "nanos": 1e-9}
_BYTES = {
    "b": 1,
    "kb": 2**10,
    "mb": 2**20,
    "gb": 2**30,
    "tb": 2**40,
    "pb": 2**50,
    "": 1,
    "k": 2**10,
    "m": 2**20,
    "g": 2**30,
    "t": 2**40,
    "p": 2**50,
}
_DEFAULT_MEMORY_LIMIT = 1024 * 2**20
_DAY = 86400
CATEGORY_FIELD = "mlcategory"


def seconds(value: object, default: int) -> int:
    """Whole seconds of an API time value ("15m"); a bare number counts as seconds."""
    if value is None:
        return default
    found = re.fullmatch(r"\s*(-?[\d.]+)\s*([a-z]*)\s*", str(value).lower())
    if found is None:
        raise ValueError(f"not a time value [{value}]")
    return int(float(found[1]) * _UNITS_S.get(found[2], 1.0))


def byte_count(value: object, default: int) -> int:
    """Bytes of an API byte size; a bare number counts as MiB, as in analysis_limits."""
    if value is None:
        return default
    if isinstance(value, int | float):
        return int(value * 2**20)
    found = re.fullmatch(r"\s*([\d.]+)\s*([a-z]*)\s*", str(value).lower())
    if found is None:
        raise ValueError(f"not a byte size [{value}]")
    return int(float(found[1]) * _BYTES[found[2]])


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
        return self.over is not None and self.kind is not Kind.FREQ_RARE and self.kind is not Kind.RARE

    @property
    def split_fields(self) -> tuple[str, ...]:
        """The fields that tell entities apart: partition, over, by (those set)."""
        return tuple(f for f in (self.partition, self.over, self.by) if f)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The analysed part of a job document; spans, latency and windows in seconds."""

    bucket_span: int
    latency: int
    detectors: tuple[DetectorSpec, ...]
    influencers: tuple[str, ...]
    summary_count_field: str | None
    categorization_field: str | None
    stop_on_warn: bool
    examples_limit: int
    plot_enabled: bool
    plot_terms: frozenset[str]
    annotations_enabled: bool
    memory_limit: int
    prune_window: int
    renormalization_window: int
    text_fields: tuple[str, ...]
    number_fields: tuple[str, ...]
    # What the rows of an open bucket keep as text: the message gives way to its category.
    kept_text_fields: tuple[str, ...]
    analysis_config: Mapping[str, object]
    analysis_limits: Mapping[str, object]

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "JobSpec":
        """Reads an API job document (analysis_config, analysis_limits, model_plot_config, ...)."""
        analysis = _section(config, "analysis_config")
        limits = _section(config, "analysis_limits")
        plot = _section(config, "model_plot_config")
        per_partition = _section(analysis, "per_partition_categorization")
        span = max(1, seconds(analysis.get("bucket_span"), 300))
        detectors = tuple(_detector(i, d) for i, d in enumerate(_list(analysis.get("detectors"))))
        influencers = tuple(str(f) for f in _list(analysis.get("influencers")))
        summary = _name(analysis.get("summary_count_field_name"))
        categorized = _name(analysis.get("categorization_field_name"))
        renormalization_days = config.get("renormalization_window_days")
        wanted = _wanted_text(detectors, influencers)
        return cls(
            bucket_span=span,
            latency=max(0, seconds(analysis.get("latency"), 0)),
            detectors=detectors,
            influencers=influencers,
            summary_count_field=summary,
            categorization_field=categorized,
            stop_on_warn=bool(per_partition.get("stop_on_warn", False)),
            examples_limit=int(str(limits.get("categorization_examples_limit", 4))),
            plot_enabled=bool(plot.get("enabled", False)),
            plot_terms=frozenset(t for t in str(plot.get("terms") or "").split(",") if t),
            annotations_enabled=bool(plot.get("annotations_enabled", plot.get("enabled", False))),
            memory_limit=byte_count(limits.get("model_memory_limit"), _DEFAULT_MEMORY_LIMIT),
            prune_window=seconds(analysis.get("model_prune_window"), max(30 * _DAY, 20 * span)),
            renormalization_window=(
                max(30 * _DAY, 100 * span) if renormalization_days is None else int(str(renormalization_days)) * _DAY
            ),
            text_fields=_text_fields(wanted, categorized),
            number_fields=_number_fields(detectors, summary),
            kept_text_fields=wanted,
            analysis_config=analysis,
            analysis_limits=limits,
        )


def _section(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _name(value: object) -> str | None:
    return str(value) if value else None


def _detector(index: int, config: object) -> DetectorSpec:
    assert isinstance(config, Mapping)
    function = str(config.get("function") or "metric")
    over = _name(config.get("over_field_name"))
    exclude = str(config.get("exclude_frequent") or "none").lower()
    return DetectorSpec(
        index=int(config.get("detector_index", index)),
        function=function,
        parts=parts_of(function),
        field=_name(config.get("field_name")),
        by=_name(config.get("by_field_name")),
        over=over,
        partition=_name(config.get("partition_field_name")),
        use_null=bool(config.get("use_null", False)),
        exclude_frequent=None if exclude == "none" else exclude,
        rules=tuple(r for r in _list(config.get("custom_rules")) if isinstance(r, Mapping)),
    )


def _wanted_text(detectors: tuple[DetectorSpec, ...], influencers: tuple[str, ...]) -> tuple[str, ...]:
    wanted: dict[str, None] = {}
    for d in detectors:
        for f in d.split_fields:
            wanted[f] = None
        if d.field and (d.parts[0].feature in TEXT_FEATURES or d.kind is Kind.GEO):
            wanted[d.field] = None
    for f in influencers:
        wanted[f] = None
    return tuple(wanted)


def _text_fields(wanted: tuple[str, ...], categorized: str | None) -> tuple[str, ...]:
    """The fields asked of the caller: mlcategory is made here, from the message and its partition."""
    if categorized is None:
        return wanted
    return tuple(dict.fromkeys((*(f for f in wanted if f != CATEGORY_FIELD), categorized)))


def _number_fields(detectors: tuple[DetectorSpec, ...], summary: str | None) -> tuple[str, ...]:
    wanted = {d.field: None for d in detectors if d.field and d.parts[0].is_metric}
    if summary:
        wanted[summary] = None
    return tuple(wanted)
