"""Rules of categorization inside `analysis_config`: field, filters, analyzer, partitions."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document, breaches, refused
from proxy.errors import illegal_argument, parse_error
from proxy.java_regex import InvalidPattern, UnsupportedPattern, compile_java, java_replacement
from proxy.job_config import analysis_names, types
from proxy.job_config.detector import CATEGORY_FIELD, split_fields

_MOST_PATTERNS, _MOST_CHARACTERS = 1000, 100_000
_PARTS = {"char_filter": (list,), "tokenizer": (str, dict), "filter": (list,)}
_PART_NAMES = {"char_filter": "char_filter", "filter": "token_filter"}
_TOKENS = {str: "VALUE_STRING", bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER", float: "VALUE_NUMBER",
           dict: "START_OBJECT", list: "START_ARRAY", type(None): "VALUE_NULL"}  # fmt: skip


def analyzer_is_readable(config: Document) -> Iterator[Breach]:
    analyzer = config.get("categorization_analyzer")
    if not isinstance(analyzer, dict):
        return
    for key, value in analyzer.items():
        if not isinstance(value, _PARTS.get(key, ())):
            token = _TOKENS[type(value)]
            text = f"Parameter [{key}] in [categorization_analyzer] is unknown or of the wrong type [{token}]"
            yield Breach(parse_error(text), ("categorization_analyzer",), "value")
        for part in value if isinstance(value, list) else ():
            if not isinstance(part, str | dict):
                text = (
                    f"[{key}] in [categorization_analyzer] array element should contain {_PART_NAMES[key]}'s "
                    f"name or settings [{_TOKENS[type(part)]}]"
                )
                yield Breach(parse_error(text), ("categorization_analyzer",), "value")


def _uses_categories(detector: Document) -> bool:
    return CATEGORY_FIELD in split_fields(types.detector(detector))


def field_is_set_if_used(config: Document) -> Iterator[Breach]:
    if any(map(_uses_categories, config["detectors"])) and not config.get("categorization_field_name"):
        yield refused("categorization_field_name must be set for mlcategory to be available")


def field_is_used_if_set(config: Document) -> Iterator[Breach]:
    if config.get("categorization_field_name") and not any(map(_uses_categories, config["detectors"])):
        yield refused(
            "categorization_field_name is set but mlcategory is not used in any detector by/over/partition field"
        )


def analyzer_has_a_field(config: Document) -> Iterator[Breach]:
    if config.get("categorization_analyzer") is not None and not config.get("categorization_field_name"):
        yield refused("categorization_analyzer requires setting categorization_field_name")


def filters_without_analyzer(config: Document) -> Iterator[Breach]:
    if config.get("categorization_analyzer") is not None and config.get("categorization_filters"):
        yield refused(
            "categorization_filters cannot be used with categorization_analyzer - "
            "instead specify them as pattern_replace char_filters in the analyzer"
        )


def filters_have_a_field(config: Document) -> Iterator[Breach]:
    if config.get("categorization_filters") and not config.get("categorization_field_name"):
        yield refused("categorization_filters require setting categorization_field_name")


def filters_differ(config: Document) -> Iterator[Breach]:
    filters = config.get("categorization_filters") or []
    if len(set(filters)) < len(filters):
        yield refused("categorization_filters contain duplicates")


def filters_are_not_empty(config: Document) -> Iterator[Breach]:
    if "" in (config.get("categorization_filters") or ()):
        yield refused("categorization_filters are not allowed to contain empty strings")


def patterns_are_few(config: Document) -> Iterator[Breach]:
    """Each is compiled when a job is made and opened, and tried on every message."""
    analyzer = config.get("categorization_analyzer")
    patterns = [*(config.get("categorization_filters") or ())]
    patterns += [str(part["pattern"]) for part in _parts(analyzer if isinstance(analyzer, dict) else {})]
    if len(patterns) > _MOST_PATTERNS or sum(map(len, patterns)) > _MOST_CHARACTERS:
        yield refused(
            f"[{len(patterns)}] patterns with [{sum(map(len, patterns))}] characters are too many for one job, "
            f"at most [{_MOST_PATTERNS}] with [{_MOST_CHARACTERS}] characters are possible"
        )


def filters_are_regular_expressions(config: Document) -> Iterator[Breach]:
    for pattern in config.get("categorization_filters") or ():
        try:
            compile_java(pattern)
        except InvalidPattern:
            yield refused(f"categorization_filters contains invalid regular expression '{pattern}'")
        except UnsupportedPattern as error:
            yield refused(f"categorization_filters contains unsupported regular expression '{pattern}': {error}")


def analyzer_patterns_can_run(config: Document) -> Iterator[Breach]:
    """The patterns of an analyzer's parts, which Elasticsearch compiles when it makes the analyzer."""
    analyzer = config.get("categorization_analyzer")
    for part in _parts(analyzer) if isinstance(analyzer, dict) else ():
        try:
            pattern = compile_java(str(part["pattern"]), str(part.get("flags", "")))
            java_replacement(str(part.get("replacement", "")), pattern.groups, pattern.group_names)
        except InvalidPattern as error:
            yield refused(f"categorization_analyzer contains invalid regular expression: {error}")
        except UnsupportedPattern as error:
            yield refused(
                f"categorization_analyzer contains unsupported regular expression '{part['pattern']}': {error}"
            )


def _parts(analyzer: Document) -> Iterator[Document]:
    """The parts that have a pattern."""
    for key in _PARTS:
        parts = analyzer.get(key) or []
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict) and "pattern" in part:
                yield part


def partitions_are_consistent(config: Document) -> Iterator[Breach]:
    """Per-partition categorization needs one partition field for all detectors that use categories."""
    if not (config.get("per_partition_categorization") or {}).get("enabled"):
        return
    suffix = "when per-partition categorization is enabled"
    if not config.get("categorization_field_name"):
        yield refused(f"categorization_field_name must be set {suffix}")
    partitions = []
    for detector in config["detectors"]:
        partition = detector.get("partition_field_name")
        if partition == CATEGORY_FIELD:
            yield refused(f"mlcategory cannot be used as a partition_field_name {suffix}")
        if not partition and _uses_categories(detector):
            yield refused(f"partition_field_name must be set for detectors that reference mlcategory {suffix}")
        if partition:
            partitions.append(partition)
        if len(set(partitions)) > 1:
            yield refused(
                f"partition_field_name cannot vary between detectors {suffix}: "
                f"[{partitions[0]}] and [{partition}] are used"
            )


def warnings_stop_only_partitions(settings: Document) -> Iterator[Breach]:
    if settings.get("stop_on_warn") and not settings.get("enabled"):
        yield refused("stop_on_warn cannot be true in per_partition_categorization when enabled is false")


def analyzer_parts_exist(config: Document) -> Iterator[Breach]:
    """Asked by the server once the body is read, as analysis plugins are its matter."""
    analyzer = config.get("categorization_analyzer")
    if isinstance(analyzer, str) and analyzer not in analysis_names.ANALYZERS:
        yield Breach(illegal_argument(f"failed to find global analyzer [{analyzer}]"))
    if not isinstance(analyzer, dict):
        return
    for kind, known in (
        ("tokenizer", analysis_names.TOKENIZERS),
        ("char_filter", analysis_names.CHAR_FILTERS),
        ("filter", analysis_names.TOKEN_FILTERS),
    ):
        parts = analyzer.get(kind) or []
        for part in parts if isinstance(parts, list) else [parts]:
            name = part if isinstance(part, str) else part.get("type")
            if name is None:
                yield Breach(illegal_argument(f"Missing [type] setting for anonymous {kind}: {part}"))
            elif name not in known:
                yield Breach(illegal_argument(f"failed to find global {kind} under [{name}]"))


RULES = (
    field_is_set_if_used,
    field_is_used_if_set,
    analyzer_has_a_field,
    filters_without_analyzer,
    filters_have_a_field,
    filters_differ,
    filters_are_not_empty,
    patterns_are_few,
    filters_are_regular_expressions,
    analyzer_patterns_can_run,
    partitions_are_consistent,
)


def categorization_breaches(config: Document) -> Iterator[Breach]:
    yield from breaches(RULES, config)
