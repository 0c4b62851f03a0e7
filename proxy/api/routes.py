"""The table of operations: one row each, grouped by resource. A row's name is the name of its schema file."""

from __future__ import annotations

from proxy.api.handlers import forecasts, overall_buckets, results, snapshots
from proxy.api.operation import Operation

JOBS: tuple[Operation, ...] = ()

DATA: tuple[Operation, ...] = ()

RESULTS: tuple[Operation, ...] = (
    Operation(
        name="ml.get_buckets",
        privilege="monitor_ml",
        handler=results.get_buckets,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/results/buckets",
            "POST /_ml/anomaly_detectors/{job_id}/results/buckets",
            "GET /_ml/anomaly_detectors/{job_id}/results/buckets/{timestamp}",
            "POST /_ml/anomaly_detectors/{job_id}/results/buckets/{timestamp}",
        ),
        body="json",
    ),
    Operation(
        name="ml.get_overall_buckets",
        privilege="monitor_ml",
        handler=overall_buckets.get_overall_buckets,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/results/overall_buckets",
            "POST /_ml/anomaly_detectors/{job_id}/results/overall_buckets",
        ),
        body="json",
    ),
    Operation(
        name="ml.get_records",
        privilege="monitor_ml",
        handler=results.get_records,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/results/records",
            "POST /_ml/anomaly_detectors/{job_id}/results/records",
        ),
        body="json",
    ),
    Operation(
        name="ml.get_influencers",
        privilege="monitor_ml",
        handler=results.get_influencers,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/results/influencers",
            "POST /_ml/anomaly_detectors/{job_id}/results/influencers",
        ),
        body="json",
    ),
    Operation(
        name="ml.get_categories",
        privilege="monitor_ml",
        handler=results.get_categories,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/results/categories",
            "POST /_ml/anomaly_detectors/{job_id}/results/categories",
            "GET /_ml/anomaly_detectors/{job_id}/results/categories/{category_id}",
            "POST /_ml/anomaly_detectors/{job_id}/results/categories/{category_id}",
        ),
        body="json",
    ),
)

SNAPSHOTS: tuple[Operation, ...] = (
    Operation(
        name="ml.get_model_snapshots",
        privilege="monitor_ml",
        handler=snapshots.get_model_snapshots,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/model_snapshots",
            "POST /_ml/anomaly_detectors/{job_id}/model_snapshots",
            "GET /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}",
            "POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}",
        ),
        body="json",
    ),
    Operation(
        name="ml.update_model_snapshot",
        privilege="manage_ml",
        handler=snapshots.update_model_snapshot,
        routes=(
            "POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_update",
        ),
        body="json",
    ),
    Operation(
        name="ml.delete_model_snapshot",
        privilege="manage_ml",
        handler=snapshots.delete_model_snapshot,
        routes=(
            "DELETE /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}",
        ),
    ),
    Operation(
        name="ml.revert_model_snapshot",
        privilege="manage_ml",
        handler=snapshots.revert_model_snapshot,
        routes=(
            "POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_revert",
        ),
        body="json",
    ),
    Operation(
        name="ml.upgrade_job_snapshot",
        privilege="manage_ml",
        handler=snapshots.upgrade_job_snapshot,
        routes=(
            "POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_upgrade",
        ),
    ),
    Operation(
        name="ml.get_model_snapshot_upgrade_stats",
        privilege="monitor_ml",
        handler=snapshots.get_model_snapshot_upgrade_stats,
        routes=(
            "GET /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_upgrade/_stats",
        ),
    ),
)

FORECASTS: tuple[Operation, ...] = (
    Operation(
        name="ml.forecast",
        privilege="manage_ml",
        handler=forecasts.forecast,
        routes=(
            "POST /_ml/anomaly_detectors/{job_id}/_forecast",
        ),
        body="json",
    ),
    Operation(
        name="ml.delete_forecast",
        privilege="manage_ml",
        handler=forecasts.delete_forecast,
        routes=(
            "DELETE /_ml/anomaly_detectors/{job_id}/_forecast",
            "DELETE /_ml/anomaly_detectors/{job_id}/_forecast/{forecast_id}",
        ),
    ),
)

ADMIN: tuple[Operation, ...] = ()

CAT: tuple[Operation, ...] = ()

OPERATIONS: tuple[Operation, ...] = JOBS + DATA + RESULTS + SNAPSHOTS + FORECASTS + ADMIN + CAT
