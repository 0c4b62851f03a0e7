"""A job as it is stored and echoed: what PUT makes of a valid request body."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.job_config import analysis, durations, key_order, memory_limit, types
from proxy.job_config.types import DataDescription, Document, Job, ModelPlotConfig

JOB_TYPE = "anomaly_detector"
# The version of the configuration format, counted apart from the product's since 8.10.
JOB_VERSION = "12.0.0"
DEFAULT_RESULTS_INDEX = "shared"
CUSTOM_INDEX_PREFIX = "custom-"
DEFAULT_TIME_FIELD = "time"
DEFAULT_TIME_FORMAT = "epoch_ms"
DEFAULT_SNAPSHOT_RETENTION_DAYS = 10
DEFAULT_DAILY_RETENTION_DAYS = 1
# What the server itself writes; a client that copies a job strips these with `exclude_generated`.
GENERATED_KEYS = (
    "job_type",
    "job_version",
    "create_time",
    "finished_time",
    "model_snapshot_id",
    "model_snapshot_min_version",
    "deleting",
    "datafeed_config",
    "blocked",
)


@dataclass(frozen=True, slots=True)
class Creation:
    """What a new job gets from its surroundings."""

    job_id: str
    now_ms: int
    max_model_memory_bytes: int | None


def new_job(body: Job, creation: Creation) -> Document:
    """The job that a PUT creates, defaults written out, keys in the order of the echo."""
    created = dict(body) | {
        "job_id": creation.job_id,
        "job_type": JOB_TYPE,
        "job_version": JOB_VERSION,
        "create_time": creation.now_ms,
        "analysis_limits": memory_limit.normalise(body.get("analysis_limits"), creation.max_model_memory_bytes),
        "results_index_name": results_index_name(body.get("results_index_name")),
    }
    return normalise(types.job(created))


def normalise(job: Job) -> Document:
    """The echoed form of a job, whichever way it came about; running it twice changes nothing."""
    echoed: Document = dict(job)
    echoed["groups"] = list(job.get("groups") or ()) or None
    echoed["analysis_config"] = analysis.normalise(job["analysis_config"])
    echoed["data_description"] = normalise_data_description(job["data_description"])
    if (plot := job.get("model_plot_config")) is not None:
        echoed["model_plot_config"] = normalise_model_plot(plot)
    if (interval := job.get("background_persist_interval")) is not None:
        echoed["background_persist_interval"] = durations.parse(interval, "background_persist_interval").text
    echoed |= snapshot_retention(job)
    echoed["allow_lazy_open"] = bool(job.get("allow_lazy_open"))
    echoed.pop("datafeed_config", None)
    return key_order.ordered(echoed, key_order.JOB)


def snapshot_retention(job: Job) -> Document:
    """The two retention fields of snapshots; the daily one is left unset where it would change nothing."""
    days = job.get("model_snapshot_retention_days")
    kept_days = DEFAULT_SNAPSHOT_RETENTION_DAYS if days is None else days
    daily = job.get("daily_model_snapshot_retention_after_days")
    if daily is None and kept_days > DEFAULT_DAILY_RETENTION_DAYS:
        daily = DEFAULT_DAILY_RETENTION_DAYS
    return {"model_snapshot_retention_days": kept_days, "daily_model_snapshot_retention_after_days": daily}


def results_index_name(given: object) -> str:
    name = str(given or DEFAULT_RESULTS_INDEX)
    if name == DEFAULT_RESULTS_INDEX or name.startswith(CUSTOM_INDEX_PREFIX):
        return name
    return CUSTOM_INDEX_PREFIX + name


def normalise_data_description(description: DataDescription) -> Document:
    return {
        "time_field": description.get("time_field") or DEFAULT_TIME_FIELD,
        "time_format": description.get("time_format") or DEFAULT_TIME_FORMAT,
    }


def normalise_model_plot(config: ModelPlotConfig) -> Document:
    """Annotations follow the plot unless they are switched on their own."""
    echoed: Document = {"enabled": config["enabled"]}
    if config.get("terms") is not None:
        echoed["terms"] = config["terms"]
    return echoed | {"annotations_enabled": config.get("annotations_enabled", config["enabled"])}


def without_generated(job: Job) -> Document:
    """The job as a client would send it: `exclude_generated=true`."""
    kept = {key: value for key, value in job.items() if key not in GENERATED_KEYS}
    settings = kept.get("custom_settings")
    if isinstance(settings, dict) and "created_by" in settings:
        kept["custom_settings"] = {key: value for key, value in settings.items() if key != "created_by"}
    return kept
