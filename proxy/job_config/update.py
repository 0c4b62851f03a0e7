"""`_update`: every given field replaces the old one whole; detectors are changed one by one.

The result is validated as a whole afterwards, in proxy/api/rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.job_config import detector, memory_limit
from proxy.job_config.types import Detector, DetectorUpdate, Document, Job, JobUpdate

# Fields that live inside analysis_config but are updated at the top level.
_ANALYSIS_FIELDS = ("categorization_filters", "per_partition_categorization", "model_prune_window")
_JOB_FIELDS = (
    "groups",
    "description",
    "model_plot_config",
    "renormalization_window_days",
    "background_persist_interval",
    "results_retention_days",
    "system_annotations_retention_days",
    "model_snapshot_retention_days",
    "daily_model_snapshot_retention_after_days",
    "custom_settings",
    "allow_lazy_open",
)
# The fields whose change reaches a running job at once; the others act when it is opened again.
PUSHED_TO_OPEN_JOBS = frozenset({"detectors", "model_plot_config", "per_partition_categorization", "groups"})


def given_fields(update: JobUpdate | Mapping[str, object]) -> list[str]:
    """What the update changes, sorted: a null changes nothing, and a job_id in the body is ignored."""
    return sorted(key for key, value in update.items() if value is not None and key != "job_id")


def merged(stored: Job, update: JobUpdate, max_bytes: int | None) -> Document:
    """The job after the update, not yet normalised: rules must see what was asked for.

    Detector indices must be in range.
    """
    sent: Document = dict(update)
    given = {key: sent[key] for key in given_fields(update)}
    changed: Document = dict(stored) | {key: given[key] for key in _JOB_FIELDS if key in given}
    if "analysis_limits" in given:
        changed["analysis_limits"] = memory_limit.normalise(given["analysis_limits"], max_bytes)
    config: Document = dict(stored["analysis_config"]) | {key: given[key] for key in _ANALYSIS_FIELDS if key in given}
    if "detectors" in given:
        config["detectors"] = _updated_detectors(config["detectors"], given["detectors"])
    changed["analysis_config"] = config
    return changed


def _updated_detectors(detectors: Sequence[Detector], updates: Sequence[DetectorUpdate]) -> list[Document]:
    changed: list[Document] = [dict(each) for each in detectors]
    for update in updates:
        target = changed[update["detector_index"]]
        if (description := update.get("description")) is not None:
            target["detector_description"] = description
        if (rules := update.get("custom_rules")) is not None:
            target["custom_rules"] = [detector.normalise_rule(rule) for rule in rules]
    return changed
