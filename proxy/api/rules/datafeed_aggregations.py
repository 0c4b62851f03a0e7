"""Rules of a datafeed's aggregations: their shape, and what they ask of the job."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules.breach import Breach, Document, refused
from proxy.errors import MlError
from proxy.job_config.aggregation_shape import histogram_of
from proxy.job_config.durations import parse

_NANOS_PER_MS = 1_000_000


def aggregations_have_the_shape(config: Document) -> Iterator[Breach]:
    aggregations = config.get("aggregations", config.get("aggs"))
    if aggregations is None:
        return
    try:
        histogram_of(aggregations)
    except MlError as error:
        yield Breach(error)


def aggregations_fit_job(config: Document, analysis: Document) -> Iterator[Breach]:
    """Aggregations of the right shape make summaries, whole intervals of which fill a bucket."""
    if not config.get("aggregations"):
        return
    if not analysis.get("summary_count_field_name"):
        yield refused(
            "A job configured with a datafeed with aggregations must set summary_count_field_name; "
            "use doc_count or suitable alternative"
        )
    interval_ms = histogram_of(config["aggregations"]).interval_ms
    span = parse(analysis["bucket_span"], "bucket_span")
    if interval_ms * _NANOS_PER_MS > span.nanos:
        yield refused(
            f"Aggregation interval [{interval_ms}ms] must be less than or equal to the bucket_span [{span.text}]"
        )
    if span.nanos % (interval_ms * _NANOS_PER_MS):
        yield refused(f"Aggregation interval [{interval_ms}ms] must be a divisor of the bucket_span [{span.text}]")
    if config.get("frequency") is not None:
        frequency = parse(config["frequency"], "frequency")
        if frequency.nanos % (interval_ms * _NANOS_PER_MS):
            yield refused(
                f"Datafeed frequency [{frequency.human}] must be a multiple of the aggregation interval "
                f"[{interval_ms}ms]"
            )
