"""Rules of a datafeed's configuration that need neither the job nor the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.api.rules import durations
from proxy.api.rules.breach import Breach, Document, breaches, refused
from proxy.api.rules.datafeed_aggregations import aggregations_fit_job, aggregations_have_the_shape
from proxy.api.rules.identifiers import invalid_id, is_valid_id
from proxy.errors import illegal_argument, status_error
from proxy.job_config import types
from proxy.job_config.datafeed import indices_of
from proxy.job_config.datafeed_errors import query_is_not_parsable
from proxy.job_config.durations import parse

_LONGEST_CHECK_WINDOW = "24h"
_MOST_SPANS_CHECKED = 10_000
# Names of ES query DSL's own checks stay with the cluster; a query must at least have one clause with a name.
_ONE_CLAUSE = 1
_JAVA_CLASSES: Mapping[type, str] = {str: "String", bool: "Boolean", int: "Integer", float: "Double", list: "ArrayList"}


def belongs_to_job(config: Document, job_id: str | None) -> Iterator[Breach]:
    given = config.get("job_id")
    if job_id is not None and given is not None and given != job_id:
        # The stray brace is Elasticsearch's own.
        yield Breach(illegal_argument(f"datafeed job_id [{given}] does not equal job id [{job_id}}}"))


def id_is_well_formed(config: Document) -> Iterator[Breach]:
    datafeed_id = config.get("datafeed_id")
    if datafeed_id is not None and not is_valid_id(datafeed_id):
        yield Breach(invalid_id("datafeed_id", datafeed_id))


def job_is_named(config: Document) -> Iterator[Breach]:
    if config.get("job_id") is None:
        yield Breach(illegal_argument("[job_id] must not be null."))


def durations_are_readable(config: Document) -> Iterator[Breach]:
    for field in ("query_delay", "frequency"):
        yield from durations.readable(config, field)
    for part, field in (("chunking_config", "time_span"), ("delayed_data_check_config", "check_window")):
        yield from (breach.under(part) for breach in durations.readable(config.get(part) or {}, field))


def aggregations_are_given_once(config: Document) -> Iterator[Breach]:
    if config.get("aggs") and config.get("aggregations"):
        yield Breach(illegal_argument("Found two aggregation definitions: [aggs] and [aggregations]"))


def indices_are_given(config: Document) -> Iterator[Breach]:
    indices = indices_of(types.datafeed(config)) or []
    if not indices or "" in indices:
        text = f"[{', '.join(indices)}]" if "indices" in config or "indexes" in config else "null"
        yield _invalid("indices", text)


def query_delay_is_not_negative(config: Document) -> Iterator[Breach]:
    if config.get("query_delay") is not None:
        yield from durations.not_negative(config, "query_delay")


def frequency_is_positive_seconds(config: Document) -> Iterator[Breach]:
    if config.get("frequency") is not None:
        yield from durations.positive(config, "frequency")
        yield from durations.whole_seconds(config, "frequency")


def scroll_size_is_not_negative(config: Document) -> Iterator[Breach]:
    if config.get("scroll_size", 0) < 0:
        yield _invalid("scroll_size", config["scroll_size"])


def empty_searches_are_counted_from_one(config: Document) -> Iterator[Breach]:
    given = config.get("max_empty_searches")
    if given is not None and (given == 0 or given < -1):
        yield _invalid("max_empty_searches", given)


def _invalid(field: str, value: object) -> Breach:
    return Breach(illegal_argument(f"Invalid {field} value '{value}' in datafeed configuration"))


def runtime_fields_have_types(config: Document) -> Iterator[Breach]:
    for field, definition in (config.get("runtime_mappings") or {}).items():
        if not isinstance(definition, Mapping):
            yield refused(f"Expected map for runtime field [{field}] definition but got a [{_java_class(definition)}]")
        elif definition.get("type") is None:
            yield refused(f"No type specified for runtime field [{field}]")


def _java_class(value: object) -> str:
    return _JAVA_CLASSES.get(type(value), "null")


def scripts_without_aggregations(config: Document) -> Iterator[Breach]:
    if config.get("script_fields") and (config.get("aggregations") or config.get("aggs")):
        yield Breach(status_error("script_fields cannot be used in combination with aggregations", 400))


def query_is_a_clause(config: Document) -> Iterator[Breach]:
    query = config.get("query")
    if query and len(query) != _ONE_CLAUSE:
        yield Breach(query_is_not_parsable())


def chunks_are_sensible(config: Document) -> Iterator[Breach]:
    chunking = config.get("chunking_config")
    if chunking is None:
        return
    span = chunking.get("time_span")
    if chunking["mode"] == "manual" and span is None:
        yield Breach(illegal_argument("when chunk mode is manual time_span is required")).under("chunking_config")
    elif chunking["mode"] == "manual" and parse(span, "time_span").nanos <= 0:
        yield Breach(illegal_argument("chunk time_span has to be positive")).under("chunking_config")
    elif chunking["mode"] != "manual" and span is not None:
        text = "chunk time_span may only be set when mode is manual"
        yield Breach(illegal_argument(text)).under("chunking_config")


def check_window_is_sensible(config: Document) -> Iterator[Breach]:
    check = config.get("delayed_data_check_config") or {}
    if not check.get("enabled") or check.get("check_window") is None:
        return
    window, longest = parse(check["check_window"], "check_window"), parse(_LONGEST_CHECK_WINDOW, "check_window")
    if window.nanos <= 0:
        yield from (b.under("delayed_data_check_config") for b in durations.positive(check, "check_window"))
    if window.nanos > longest.nanos:
        text = f"check_window [{window.human}] must be less than or equal to [{_LONGEST_CHECK_WINDOW}]"
        yield Breach(illegal_argument(text)).under("delayed_data_check_config")


def extraction_failures_are_counted_from_one(config: Document) -> Iterator[Breach]:
    given = config.get("max_consecutive_extraction_failures")
    if given is not None and (given == 0 or given < -1):
        yield _invalid("max_consecutive_extraction_failures", given)


WHILE_READING = (
    durations_are_readable,
    aggregations_are_given_once,
    chunks_are_sensible,
    check_window_is_sensible,
)
RULES = (
    id_is_well_formed,
    indices_are_given,
    query_delay_is_not_negative,
    frequency_is_positive_seconds,
    scroll_size_is_not_negative,
    empty_searches_are_counted_from_one,
    extraction_failures_are_counted_from_one,
    query_is_a_clause,
    runtime_fields_have_types,
    scripts_without_aggregations,
    aggregations_have_the_shape,
)


def reading_breaches(config: Document) -> Iterator[Breach]:
    """What stops the reading of a datafeed."""
    yield from breaches(WHILE_READING, config)


def embedded_breaches(config: Document, job_id: str | None) -> Iterator[Breach]:
    """What is wrong with a datafeed that was read inside a job."""
    yield from belongs_to_job(config, job_id)
    yield from breaches(RULES, config)


def creation_breaches(body: Document, datafeed_id: str) -> Iterator[Breach]:
    """What is wrong with the body of a new datafeed, whose id is that of the path whatever the body says."""
    yield from reading_breaches(body)
    config = {**body, "datafeed_id": datafeed_id}
    yield from breaches((job_is_named, *RULES), config)


def update_breaches(body: Document) -> Iterator[Breach]:
    """What stops the reading of an update; whether its result is right is told by `merged_breaches`."""
    yield from reading_breaches(body)
    yield from aggregations_have_the_shape(body)


def job_stays(update: Document, stored: Document) -> Iterator[Breach]:
    if update.get("job_id") not in (None, stored["job_id"]):
        yield refused("Datafeed's job_id cannot be changed.")


def merged_breaches(datafeed: Document) -> Iterator[Breach]:
    """What is wrong with a datafeed that an update made of a stored one, apart from its job."""
    yield from breaches(RULES, datafeed)


def fits_job(config: Document, job: Document) -> Iterator[Breach]:
    """What a datafeed asks of its job."""
    analysis = job["analysis_config"]
    if analysis.get("latency") and parse(analysis["latency"], "latency").nanos > 0:
        yield refused("A job configured with datafeed cannot support latency")
    yield from aggregations_fit_job(config, analysis)
    yield from check_window_fits_job(config, analysis)
    time_field = job["data_description"]["time_field"]
    if time_field in (config.get("runtime_mappings") or {}):
        yield refused(f"data_description.time_field [{time_field}] cannot be a runtime field")


def check_window_fits_job(config: Document, analysis: Document) -> Iterator[Breach]:
    check = config.get("delayed_data_check_config") or {}
    if not check.get("enabled") or check.get("check_window") is None:
        return
    span, window = parse(analysis["bucket_span"], "bucket_span"), parse(check["check_window"], "check_window")
    lead = f"delayed_data_check_config: check_window [{window.human}] must be"
    if window.nanos < span.nanos:
        yield refused(f"{lead} greater than the bucket_span [{span.human}]")
    if window.nanos > _MOST_SPANS_CHECKED * span.nanos:
        yield refused(f"{lead} less than 10,000x the bucket_span [{span.human}]")
