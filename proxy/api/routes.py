"""The table of operations, one line each, grouped by resource: which handler answers which methods and path.

An operation is named as its handler, and so is its schema file, which says what the action is called and what may be
given. Paths of jobs are relative to ``/_ml/anomaly_detectors``; a part in brackets may be absent.
"""

from __future__ import annotations

import re
from typing import TypedDict, Unpack

from proxy.api.handlers import (
    admin,
    alert_rules,
    calendars,
    cat,
    connectors,
    datafeed_runs,
    datafeed_stats,
    datafeeds,
    filters,
    forecasts,
    job_checks,
    job_runs,
    job_stats,
    jobs,
    overall_buckets,
    places,
    results,
    snapshots,
)
from proxy.api.operation import Handler, Operation

_OPTIONAL_PART = re.compile(r"\[(.*?)\]")
_POSTING_IS_DEPRECATED = (
    "Posting data directly to anomaly detection jobs is deprecated, "
    "in a future major version it will be compulsory to use a datafeed"
)


class _Traits(TypedDict, total=False):
    """What ``Operation`` explains; only few rows differ from its defaults."""

    streams_body: bool
    legacy: bool
    deprecation: str
    allowed_while_upgrading: bool
    by_any: bool


def _ml(handler: Handler, route: str, **traits: Unpack[_Traits]) -> Operation:
    return Operation(f"ml.{handler.__name__}", handler, _routes("/_ml", route), **traits)


def _job(handler: Handler, route: str, **traits: Unpack[_Traits]) -> Operation:
    return Operation(f"ml.{handler.__name__}", handler, _routes("/_ml/anomaly_detectors", route), **traits)


def _feed(handler: Handler, route: str, **traits: Unpack[_Traits]) -> Operation:
    return Operation(f"ml.{handler.__name__}", handler, _routes("/_ml/datafeeds", route), **traits)


def _cat(handler: Handler, route: str, **traits: Unpack[_Traits]) -> Operation:
    return Operation(f"cat.{handler.__name__}", handler, _routes("/_cat/ml", route), **traits)


def _rule(handler: Handler, route: str) -> Operation:
    """Kibana's rules go on while the cluster's jobs are upgraded."""
    routes = _routes("/api/alerting", route)
    return Operation(f"alerting.{handler.__name__}", handler, routes, allowed_while_upgrading=True)


def _connector(handler: Handler, route: str) -> Operation:
    routes = _routes("/api/actions", route)
    return Operation(f"actions.{handler.__name__}", handler, routes, allowed_while_upgrading=True)


def _routes(root: str, route: str) -> tuple[str, ...]:
    """ "GET,POST [/{part}]" as one "METHOD /path" for each method, without and with the optional part."""
    methods, path = route.split(" ")
    short, full = _OPTIONAL_PART.sub("", path), _OPTIONAL_PART.sub(r"\1", path)
    return tuple(f"{method} {root}{form}" for form in dict.fromkeys((short, full)) for method in methods.split(","))


JOBS: tuple[Operation, ...] = (
    _job(jobs.put_job, "PUT /{job_id}"),
    _job(jobs.get_jobs, "GET [/{job_id}]", by_any=True),
    _job(jobs.update_job, "POST /{job_id}/_update"),
    _job(jobs.delete_job, "DELETE /{job_id}"),
    _job(jobs.reset_job, "POST /{job_id}/_reset", legacy=False, allowed_while_upgrading=True),
    _job(job_runs.open_job, "POST /{job_id}/_open"),
    _job(job_runs.close_job, "POST /{job_id}/_close"),
    _job(job_stats.get_job_stats, "GET [/{job_id}]/_stats"),
    _job(job_checks.validate, "POST /_validate", allowed_while_upgrading=True, by_any=True),
    _job(job_checks.validate_detector, "POST /_validate/detector", allowed_while_upgrading=True, by_any=True),
    _job(
        job_checks.estimate_model_memory,
        "POST /_estimate_model_memory",
        legacy=False,
        allowed_while_upgrading=True,
        by_any=True,
    ),
)

DATA: tuple[Operation, ...] = (
    _job(job_runs.post_data, "POST /{job_id}/_data", streams_body=True, deprecation=_POSTING_IS_DEPRECATED),
    _job(job_runs.flush_job, "POST /{job_id}/_flush"),
)

RESULTS: tuple[Operation, ...] = (
    _job(results.get_buckets, "GET,POST /{job_id}/results/buckets[/{timestamp}]", by_any=True),
    _job(overall_buckets.get_overall_buckets, "GET,POST /{job_id}/results/overall_buckets", by_any=True),
    _job(results.get_records, "GET,POST /{job_id}/results/records", by_any=True),
    _job(results.get_influencers, "GET,POST /{job_id}/results/influencers", by_any=True),
    _job(results.get_categories, "GET,POST /{job_id}/results/categories[/{category_id}]", by_any=True),
)

SNAPSHOTS: tuple[Operation, ...] = (
    _job(snapshots.get_model_snapshots, "GET,POST /{job_id}/model_snapshots[/{snapshot_id}]", by_any=True),
    _job(snapshots.update_model_snapshot, "POST /{job_id}/model_snapshots/{snapshot_id}/_update"),
    _job(snapshots.delete_model_snapshot, "DELETE /{job_id}/model_snapshots/{snapshot_id}"),
    _job(snapshots.revert_model_snapshot, "POST /{job_id}/model_snapshots/{snapshot_id}/_revert"),
    _job(snapshots.upgrade_job_snapshot, "POST /{job_id}/model_snapshots/{snapshot_id}/_upgrade"),
    _job(snapshots.get_model_snapshot_upgrade_stats, "GET /{job_id}/model_snapshots/{snapshot_id}/_upgrade/_stats"),
)

FORECASTS: tuple[Operation, ...] = (
    _job(forecasts.forecast, "POST /{job_id}/_forecast"),
    _job(forecasts.delete_forecast, "DELETE /{job_id}/_forecast[/{forecast_id}]"),
)

DATAFEEDS: tuple[Operation, ...] = (
    _feed(datafeeds.put_datafeed, "PUT /{datafeed_id}"),
    _feed(datafeeds.get_datafeeds, "GET [/{datafeed_id}]", by_any=True),
    _feed(datafeeds.update_datafeed, "POST /{datafeed_id}/_update"),
    _feed(datafeeds.delete_datafeed, "DELETE /{datafeed_id}"),
    _feed(datafeeds.preview_datafeed, "GET,POST [/{datafeed_id}]/_preview", allowed_while_upgrading=True, by_any=True),
    _feed(datafeed_runs.start_datafeed, "POST /{datafeed_id}/_start"),
    _feed(datafeed_runs.stop_datafeed, "POST /{datafeed_id}/_stop"),
    _feed(datafeed_stats.get_datafeed_stats, "GET [/{datafeed_id}]/_stats"),
)

CALENDARS: tuple[Operation, ...] = (
    _ml(calendars.put_calendar, "PUT /calendars/{calendar_id}"),
    _ml(calendars.get_calendars, "GET,POST /calendars[/{calendar_id}]", by_any=True),
    _ml(calendars.delete_calendar, "DELETE /calendars/{calendar_id}"),
    _ml(calendars.put_calendar_job, "PUT /calendars/{calendar_id}/jobs/{job_id}"),
    _ml(calendars.delete_calendar_job, "DELETE /calendars/{calendar_id}/jobs/{job_id}"),
    _ml(calendars.post_calendar_events, "POST /calendars/{calendar_id}/events"),
    _ml(calendars.get_calendar_events, "GET /calendars/{calendar_id}/events", by_any=True),
    _ml(calendars.delete_calendar_event, "DELETE /calendars/{calendar_id}/events/{event_id}"),
)

FILTERS: tuple[Operation, ...] = (
    _ml(filters.put_filter, "PUT /filters/{filter_id}"),
    _ml(filters.get_filters, "GET /filters[/{filter_id}]", allowed_while_upgrading=True, by_any=True),
    _ml(filters.update_filter, "POST /filters/{filter_id}/_update"),
    _ml(filters.delete_filter, "DELETE /filters/{filter_id}"),
)

ADMIN: tuple[Operation, ...] = (
    _ml(admin.info, "GET /info"),
    _ml(admin.get_memory_stats, "GET /memory[/{node_id}]/_stats", legacy=False),
    _ml(admin.delete_expired_data, "DELETE /_delete_expired_data[/{job_id}]"),
    _ml(admin.set_upgrade_mode, "POST /set_upgrade_mode", allowed_while_upgrading=True),
)

PLACES: tuple[Operation, ...] = (
    _ml(places.get_places, "GET /places"),
    _ml(places.drain_place, "POST /places/{place}/_drain", allowed_while_upgrading=True),
    _ml(places.resume_place, "POST /places/{place}/_resume", allowed_while_upgrading=True),
)

CAT: tuple[Operation, ...] = (
    _cat(cat.ml_jobs, "GET /anomaly_detectors[/{job_id}]"),
    _cat(cat.ml_datafeeds, "GET /datafeeds[/{datafeed_id}]"),
)

RULES: tuple[Operation, ...] = (
    _rule(alert_rules.create_rule, "POST /rule[/{rule_id}]"),
    _rule(alert_rules.update_rule, "PUT /rule/{rule_id}"),
    _rule(alert_rules.get_rule, "GET /rule/{rule_id}"),
    _rule(alert_rules.delete_rule, "DELETE /rule/{rule_id}"),
    _rule(alert_rules.find_rules, "GET /rules/_find"),
    _rule(alert_rules.enable_rule, "POST /rule/{rule_id}/_enable"),
    _rule(alert_rules.disable_rule, "POST /rule/{rule_id}/_disable"),
    _rule(alert_rules.mute_all, "POST /rule/{rule_id}/_mute_all"),
    _rule(alert_rules.unmute_all, "POST /rule/{rule_id}/_unmute_all"),
    _rule(alert_rules.mute_alert, "POST /rule/{rule_id}/alert/{alert_id}/_mute"),
    _rule(alert_rules.unmute_alert, "POST /rule/{rule_id}/alert/{alert_id}/_unmute"),
    _rule(alert_rules.update_rule_api_key, "POST /rule/{rule_id}/_update_api_key"),
    _rule(alert_rules.preview_rule, "POST /rule/_preview"),
    _rule(alert_rules.get_rule_types, "GET /rule_types"),
    _rule(alert_rules.get_health, "GET /_health"),
)

CONNECTORS: tuple[Operation, ...] = (
    _connector(connectors.create_connector, "POST /connector[/{connector_id}]"),
    _connector(connectors.update_connector, "PUT /connector/{connector_id}"),
    _connector(connectors.get_connector, "GET /connector/{connector_id}"),
    _connector(connectors.delete_connector, "DELETE /connector/{connector_id}"),
    _connector(connectors.get_connectors, "GET /connectors"),
    _connector(connectors.get_connector_types, "GET /connector_types"),
    _connector(connectors.execute_connector, "POST /connector/{connector_id}/_execute"),
)

OPERATIONS: tuple[Operation, ...] = (
    *(JOBS + DATA + RESULTS + SNAPSHOTS + FORECASTS + DATAFEEDS + CALENDARS + FILTERS),
    *(ADMIN + PLACES + CAT + RULES + CONNECTORS),
)
