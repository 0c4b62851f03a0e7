"""The table of operations: one row each, grouped by resource. A row's name is the name of its schema file."""

from __future__ import annotations

from proxy.api.handlers import (
    admin,
    cat,
    forecasts,
    job_checks,
    job_runs,
    job_stats,
    jobs,
    overall_buckets,
    results,
    snapshots,
)
from proxy.api.operation import Operation

_POSTING_IS_DEPRECATED = (
    "Posting data directly to anomaly detection jobs is deprecated, "
    "in a future major version it will be compulsory to use a datafeed"
)

JOBS: tuple[Operation, ...] = (
    Operation(
        name="ml.put_job",
        privilege="manage_ml",
        handler=jobs.put_job,
        routes=("PUT /_ml/anomaly_detectors/{job_id}",),
        body="json",
        action="cluster:admin/xpack/ml/job/put",
    ),
    Operation(
        name="ml.get_jobs",
        privilege="monitor_ml",
        handler=jobs.get_jobs,
        routes=(
            "GET /_ml/anomaly_detectors",
            "GET /_ml/anomaly_detectors/{job_id}",
        ),
        action="cluster:monitor/xpack/ml/job/get",
    ),
    Operation(
        name="ml.update_job",
        privilege="manage_ml",
        handler=jobs.update_job,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_update",),
        body="json",
        action="cluster:admin/xpack/ml/job/update",
    ),
    Operation(
        name="ml.delete_job",
        privilege="manage_ml",
        handler=jobs.delete_job,
        routes=("DELETE /_ml/anomaly_detectors/{job_id}",),
        action="cluster:admin/xpack/ml/job/delete",
    ),
    Operation(
        name="ml.reset_job",
        privilege="manage_ml",
        handler=jobs.reset_job,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_reset",),
        action="cluster:admin/xpack/ml/job/reset",
        legacy_paths=False,
        allowed_while_upgrading=True,
    ),
    Operation(
        name="ml.open_job",
        privilege="manage_ml",
        handler=job_runs.open_job,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_open",),
        body="json",
        action="cluster:admin/xpack/ml/job/open",
        allowed_while_upgrading=True,
    ),
    Operation(
        name="ml.close_job",
        privilege="manage_ml",
        handler=job_runs.close_job,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_close",),
        body="json",
        action="cluster:admin/xpack/ml/job/close",
    ),
    Operation(
        name="ml.get_job_stats",
        privilege="monitor_ml",
        handler=job_stats.get_job_stats,
        routes=(
            "GET /_ml/anomaly_detectors/_stats",
            "GET /_ml/anomaly_detectors/{job_id}/_stats",
        ),
        action="cluster:monitor/xpack/ml/job/stats/get",
    ),
    Operation(
        name="ml.validate",
        privilege="manage_ml",
        handler=job_checks.validate,
        routes=("POST /_ml/anomaly_detectors/_validate",),
        body="json",
        action="cluster:admin/xpack/ml/job/validate",
        allowed_while_upgrading=True,
    ),
    Operation(
        name="ml.validate_detector",
        privilege="manage_ml",
        handler=job_checks.validate_detector,
        routes=("POST /_ml/anomaly_detectors/_validate/detector",),
        body="json",
        action="cluster:admin/xpack/ml/job/validate/detector",
        allowed_while_upgrading=True,
    ),
    Operation(
        name="ml.estimate_model_memory",
        privilege="manage_ml",
        handler=job_checks.estimate_model_memory,
        routes=("POST /_ml/anomaly_detectors/_estimate_model_memory",),
        body="json",
        action="cluster:admin/xpack/ml/job/estimate_model_memory",
        legacy_paths=False,
        allowed_while_upgrading=True,
    ),
)

DATA: tuple[Operation, ...] = (
    Operation(
        name="ml.post_data",
        privilege="manage_ml",
        handler=job_runs.post_data,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_data",),
        body="stream",
        action="cluster:admin/xpack/ml/job/data/post",
        deprecation=_POSTING_IS_DEPRECATED,
    ),
    Operation(
        name="ml.flush_job",
        privilege="manage_ml",
        handler=job_runs.flush_job,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_flush",),
        body="json",
        action="cluster:admin/xpack/ml/job/flush",
    ),
)

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
        routes=("POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_update",),
        body="json",
    ),
    Operation(
        name="ml.delete_model_snapshot",
        privilege="manage_ml",
        handler=snapshots.delete_model_snapshot,
        routes=("DELETE /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}",),
    ),
    Operation(
        name="ml.revert_model_snapshot",
        privilege="manage_ml",
        handler=snapshots.revert_model_snapshot,
        routes=("POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_revert",),
        body="json",
    ),
    Operation(
        name="ml.upgrade_job_snapshot",
        privilege="manage_ml",
        handler=snapshots.upgrade_job_snapshot,
        routes=("POST /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_upgrade",),
    ),
    Operation(
        name="ml.get_model_snapshot_upgrade_stats",
        privilege="monitor_ml",
        handler=snapshots.get_model_snapshot_upgrade_stats,
        routes=("GET /_ml/anomaly_detectors/{job_id}/model_snapshots/{snapshot_id}/_upgrade/_stats",),
    ),
)

FORECASTS: tuple[Operation, ...] = (
    Operation(
        name="ml.forecast",
        privilege="manage_ml",
        handler=forecasts.forecast,
        routes=("POST /_ml/anomaly_detectors/{job_id}/_forecast",),
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

ADMIN: tuple[Operation, ...] = (
    Operation(
        name="ml.info",
        privilege="monitor_ml",
        handler=admin.info,
        routes=("GET /_ml/info",),
        action="cluster:monitor/xpack/ml/info/get",
    ),
    Operation(
        name="ml.get_memory_stats",
        privilege="monitor_ml",
        handler=admin.get_memory_stats,
        routes=(
            "GET /_ml/memory/_stats",
            "GET /_ml/memory/{node_id}/_stats",
        ),
        action="cluster:monitor/xpack/ml/memory/stats/get",
        legacy_paths=False,
    ),
    Operation(
        name="ml.set_upgrade_mode",
        privilege="manage_ml",
        handler=admin.set_upgrade_mode,
        routes=("POST /_ml/set_upgrade_mode",),
        action="cluster:admin/xpack/ml/upgrade_mode",
        allowed_while_upgrading=True,
    ),
)

CAT: tuple[Operation, ...] = (
    Operation(
        name="cat.ml_jobs",
        privilege="monitor_ml",
        handler=cat.ml_jobs,
        routes=(
            "GET /_cat/ml/anomaly_detectors",
            "GET /_cat/ml/anomaly_detectors/{job_id}",
        ),
        action="cluster:monitor/xpack/ml/job/stats/get",
    ),
)

OPERATIONS: tuple[Operation, ...] = JOBS + DATA + RESULTS + SNAPSHOTS + FORECASTS + ADMIN + CAT
