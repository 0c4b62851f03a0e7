"""The cat tables: jobs and datafeeds in rows and columns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from proxy.api.call import Call, Reply
from proxy.api.cat_table import Column, Kind, help_reply, table_reply
from proxy.api.handlers import datafeed_stats
from proxy.api.handlers.job_stats import gather
from proxy.api.services import Services

Stats = dict[str, Any]


def _at(*path: str) -> Callable[[Stats], Any]:
    """Reads a value of a job's statistics, None where it is not there."""

    def read(stats: Stats) -> Any:
        value: Any = stats
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return read


def _open_ms(stats: Stats) -> int | None:
    text = stats.get("open_time")
    return None if text is None else int(text.removesuffix("s")) * 1000


def _counts(name: str, short: str, key: str, text: str, kind: Kind = "number", *, default: bool = False) -> Column:
    return Column(f"data.{name}", short, text, _at("data_counts", key), kind, default)


def _model(name: str, short: str, key: str, text: str, kind: Kind = "number", *, default: bool = False) -> Column:
    return Column(f"model.{name}", short, text, _at("model_size_stats", key), kind, default)


def _forecasts(group: str, prefix: str, key: str, kind: Kind) -> tuple[Column, ...]:
    """The four figures that forecasts have of one thing."""
    figures = (("min", "min"), ("max", "max"), ("avg", "avg"), ("total", "t"))
    return tuple(
        Column(
            f"forecasts.{group}.{name}",
            f"f{prefix}{short}",
            f"{name} {group} of forecasts",
            _figure(key, name, kind),
            kind,
        )
        for name, short in figures
    )


def _figure(key: str, name: str, kind: Kind) -> Callable[[Stats], Any]:
    read = _at("forecasts_stats", key, name)

    def whole_if_size(stats: Stats) -> Any:
        value = read(stats)
        return int(value) if kind == "bytes" and value is not None else value

    return whole_if_size


def _buckets(name: str, short: str, key: str, text: str) -> Column:
    return Column(f"buckets.time.{name}", short, text, _at("timing_stats", key), "millis")


JOB_COLUMNS = (
    Column("id", "", "the job_id", _at("job_id"), is_default=True),
    Column("state", "s", "the job state", _at("state"), is_default=True),
    Column("opened_time", "ot", "the amount of time the job has been opened", _open_ms, "millis"),
    Column(
        "assignment_explanation", "ae", "why the job is or is not assigned to a node", _at("assignment_explanation")
    ),
    _counts("processed_records", "dpr", "processed_record_count", "number of processed records", default=True),
    _counts("processed_fields", "dpf", "processed_field_count", "number of processed fields"),
    _counts("input_bytes", "dib", "input_bytes", "total input bytes", "bytes"),
    _counts("input_records", "dir", "input_record_count", "total record count"),
    _counts("input_fields", "dif", "input_field_count", "total field count"),
    _counts("invalid_dates", "did", "invalid_date_count", "number of records with invalid dates"),
    _counts("missing_fields", "dmf", "missing_field_count", "number of records with missing fields"),
    _counts("out_of_order_timestamps", "doot", "out_of_order_timestamp_count", "number of records out of order"),
    _counts("empty_buckets", "deb", "empty_bucket_count", "number of empty buckets"),
    _counts("sparse_buckets", "dsb", "sparse_bucket_count", "number of sparse buckets"),
    _counts("buckets", "db", "bucket_count", "total bucket count"),
    _counts("earliest_record", "der", "earliest_record_timestamp", "earliest record time", "moment"),
    _counts("latest_record", "dlr", "latest_record_timestamp", "latest record time", "moment"),
    _counts("last", "dl", "last_data_time", "last time data was seen", "moment"),
    _counts("last_empty_bucket", "dleb", "latest_empty_bucket_timestamp", "last empty bucket", "moment"),
    _counts("last_sparse_bucket", "dlsb", "latest_sparse_bucket_timestamp", "last sparse bucket", "moment"),
    _model("bytes", "mb", "model_bytes", "model size", "bytes", default=True),
    _model("memory_status", "mms", "memory_status", "current memory status", "text", default=True),
    _model("bytes_exceeded", "mbe", "model_bytes_exceeded", "how much the model has exceeded the limit", "bytes"),
    _model("memory_limit", "mml", "model_bytes_memory_limit", "model memory limit", "bytes"),
    _model("by_fields", "mbf", "total_by_field_count", "count of 'by' fields"),
    _model("over_fields", "mof", "total_over_field_count", "count of 'over' fields"),
    _model("partition_fields", "mpf", "total_partition_field_count", "count of 'partition' fields"),
    _model(
        "bucket_allocation_failures", "mbaf", "bucket_allocation_failures_count", "number of bucket allocation failures"
    ),
    _model(
        "output_memory_allocator_bytes",
        "momab",
        "output_memory_allocator_bytes",
        "output memory allocator bytes",
        "bytes",
    ),
    _model("categorization_status", "mcs", "categorization_status", "current categorization status", "text"),
    _model("categorized_doc_count", "mcdc", "categorized_doc_count", "count of categorized documents"),
    _model("total_category_count", "mtcc", "total_category_count", "count of categories"),
    _model("frequent_category_count", "mfcc", "frequent_category_count", "count of frequent categories"),
    _model("rare_category_count", "mrcc", "rare_category_count", "count of rare categories"),
    _model("dead_category_count", "mdcc", "dead_category_count", "count of dead categories"),
    # The short name is Elasticsearch's own, although frequent_category_count has it too.
    _model("failed_category_count", "mfcc", "failed_category_count", "count of failed categories"),
    _model("log_time", "mlt", "log_time", "when the model stats were gathered", "moment"),
    _model("timestamp", "mt", "timestamp", "the time of the last record when the model stats were gathered", "moment"),
    Column("forecasts.total", "ft", "total number of forecasts", _at("forecasts_stats", "total"), "number", True),
    *_forecasts("memory", "m", "memory_bytes", "bytes"),
    *_forecasts("records", "r", "records", "number"),
    *_forecasts("time", "t", "processing_time_ms", "millis"),
    Column("node.id", "ni", "id of the assigned node", _at("node", "id")),
    Column("node.name", "nn", "name of the assigned node", _at("node", "name")),
    Column("node.ephemeral_id", "ne", "ephemeral id of the assigned node", _at("node", "ephemeral_id")),
    Column("node.address", "na", "network address of the assigned node", _at("node", "transport_address")),
    Column("buckets.count", "bc", "bucket count", _at("timing_stats", "bucket_count"), "number", True),
    _buckets("total", "btt", "total_bucket_processing_time_ms", "total bucket processing time"),
    _buckets("min", "btmin", "minimum_bucket_processing_time_ms", "minimum bucket processing time"),
    _buckets("max", "btmax", "maximum_bucket_processing_time_ms", "maximum bucket processing time"),
    _buckets(
        "exp_avg", "btea", "exponential_average_bucket_processing_time_ms", "exponential average bucket processing time"
    ),
    _buckets(
        "exp_avg_hour",
        "bteah",
        "exponential_average_bucket_processing_time_per_hour_ms",
        "exponential average bucket processing time by hour",
    ),
)


async def ml_jobs(call: Call, services: Services) -> Reply:
    if call.query.get("help", False):
        return help_reply(JOB_COLUMNS)
    gathered = await gather(services, call.path.get("job_id"), call.query.get("allow_no_match", True))
    return await asyncio.to_thread(lambda: table_reply(call, JOB_COLUMNS, gathered.documents()))


DATAFEED_COLUMNS = (
    Column("id", "", "the datafeed_id", _at("datafeed_id"), is_default=True),
    Column("state", "s", "the datafeed state", _at("state"), is_default=True),
    Column(
        "assignment_explanation",
        "ae",
        "why the datafeed is or is not assigned to a node",
        _at("assignment_explanation"),
    ),
    Column("buckets.count", "bc", "bucket count", _at("timing_stats", "bucket_count"), "number", True),
    Column(
        "search.count",
        "sc",
        "number of searches ran by the datafeed",
        _at("timing_stats", "search_count"),
        "number",
        True,
    ),
    Column("search.time", "st", "total search time", _at("timing_stats", "total_search_time_ms"), "millis"),
    Column(
        "search.bucket_avg",
        "sba",
        "the average search time per bucket (millisecond)",
        _at("timing_stats", "average_search_time_per_bucket_ms"),
        "millis",
    ),
    Column(
        "search.exp_avg_hour",
        "seah",
        "the exponential average search time per hour (millisecond)",
        _at("timing_stats", "exponential_average_search_time_per_hour_ms"),
        "millis",
    ),
    Column("node.id", "ni", "id of the assigned node", _at("node", "id")),
    Column("node.name", "nn", "name of the assigned node", _at("node", "name")),
    Column("node.ephemeral_id", "ne", "ephemeral id of the assigned node", _at("node", "ephemeral_id")),
    Column("node.address", "na", "network address of the assigned node", _at("node", "transport_address")),
)


async def ml_datafeeds(call: Call, services: Services) -> Reply:
    if call.query.get("help", False):
        return help_reply(DATAFEED_COLUMNS)
    gathered = await datafeed_stats.gather(
        services, call.path.get("datafeed_id"), call.query.get("allow_no_match", True)
    )
    return await asyncio.to_thread(lambda: table_reply(call, DATAFEED_COLUMNS, gathered.documents()))
