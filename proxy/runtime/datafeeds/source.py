"""What a datafeed brings its job: the source to read, and how its records become columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.job_config import types
from proxy.job_config.engine_spec import spec_from
from proxy.runtime.ingest import Fields
from proxy.store.extraction.source import Source


def fields_for(job: Mapping[str, Any]) -> Fields:
    """The fields of a job's records; a datafeed brings times in milliseconds, whatever was said of posted data."""
    spec = spec_from(types.job(job))
    return Fields(job["data_description"].get("time_field", "time"), "epoch_ms", spec.text_fields, spec.number_fields)


def source_for(datafeed: Mapping[str, Any], job: Mapping[str, Any]) -> Source:
    """The source of a stored datafeed of a stored job."""
    fields = fields_for(job)
    summary_count_field = job["analysis_config"].get("summary_count_field_name") or None
    return Source.of(datafeed, fields.analysed, time_field=fields.time_field, summary_count_field=summary_count_field)
