"""What the typed clients read: two jobs with results of every kind, and all that belongs to them, named `judged…`.

All of it happens in January of 1970: the Java client takes `latest_record_time_stamp` of snapshots and
`last_finalized_bucket_end` of a flush for integers of 32 bits, and could not read what is later.
"""

import math
from datetime import UTC, datetime
from typing import Any

from tests.http_client import HttpClient

HOUR_MS = 3_600_000
START_MS = 24 * HOUR_MS
HOURS = 14 * 24
WILD = HOURS - 60
JOB, CATEGORIES, SOURCE = "judged", "judged-categories", "judged-source"
CUSTOMERS = ("ada", "bob", "cy", "dan", "eve", "fay")
RULE = {"actions": ["skip_result"], "scope": {"customer": {"filter_id": JOB, "filter_type": "include"}}}
RULE["conditions"] = [{"applies_to": "actual", "operator": "gt", "value": 1e9}]
CONFIGURATION: dict[str, Any] = {
    "description": "results of every kind",
    "groups": ["judging"],
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [
            {"function": "high_sum", "field_name": "took", "over_field_name": "customer", "custom_rules": [RULE]},
            {"function": "mean", "field_name": "took", "by_field_name": "shop", "use_null": True},
            {"function": "max", "field_name": "took", "partition_field_name": "shop", "exclude_frequent": "none"},
            {"function": "lat_long", "field_name": "place"},
            {"function": "count", "detector_description": "how many"},
        ],
        "influencers": ["shop", "customer"],
    },
    "analysis_limits": {"model_memory_limit": "64mb", "categorization_examples_limit": 3},
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
    "model_plot_config": {"enabled": True, "annotations_enabled": True},
    "custom_settings": {"created_by": "a test", "custom_urls": [{"url_name": "x", "url_value": "https://example.org"}]},
    "results_retention_days": 3000,
    "background_persist_interval": "2h",
    "renormalization_window_days": 30,
}
DATAFEED: dict[str, Any] = {
    "job_id": JOB,
    "indices": [SOURCE],
    "query": {"bool": {"must": [{"exists": {"field": "took"}}]}},
    "frequency": "150s",
    "query_delay": "60s",
    "scroll_size": 5000,
    "chunking_config": {"mode": "manual", "time_span": "10d"},
    "delayed_data_check_config": {"enabled": True, "check_window": "2h"},
    "runtime_mappings": {"day": {"type": "keyword"}},
    "max_empty_searches": 10,
}
# Never started, since the small Elasticsearch of the tests has no Painless.
SCRIPTED: dict[str, Any] = {
    "job_id": CATEGORIES,
    "indices": [SOURCE],
    "script_fields": {"twice": {"script": {"source": "doc['took'].value * 2", "lang": "painless"}}},
    "runtime_mappings": {"day": {"type": "keyword", "script": {"source": "emit('a day')"}}},
}
OF_LOGS: dict[str, Any] = {
    "groups": ["judging"],
    "analysis_config": {
        "bucket_span": "1h",
        "categorization_field_name": "message",
        "per_partition_categorization": {"enabled": True, "stop_on_warn": False},
        "detectors": [{"function": "count", "by_field_name": "mlcategory", "partition_field_name": "program"}],
    },
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
}


def rows() -> list[dict[str, object]]:
    """Of two weeks: what customers of two shops took; at one hour one of them goes wild, and is far away."""
    return [
        {
            "time": START_MS + hour * HOUR_MS + number * 60_000,
            "shop": ("rome", "oslo")[number % 2],
            "customer": customer,
            "took": (100 + 30 * math.sin(hour / 24 * 2 * math.pi) + (hour * 31 + number * 17) % 11)
            * (40 if hour == WILD and number == 0 else 1),
            "place": {"lat": -33.0 if hour == WILD else 41.9, "lon": 151.0 if hour == WILD else 12.5},
        }
        for hour in range(HOURS)
        for number, customer in enumerate(CUSTOMERS)
    ]


def messages() -> list[dict[str, object]]:
    """Of two programs, each with messages of a few kinds; at one hour one kind comes in crowds."""
    kinds = ("user {} logged in from abroad", "request {} failed with timeout", "disk {} is nearly full")
    return [
        {
            "time": START_MS + hour * HOUR_MS + number * 1000,
            "program": ("sshd", "cron")[number % 2],
            "message": kinds[number % len(kinds)].format(hour),
        }
        for hour in range(200)
        for number in range(120 if hour == 190 else 12)
    ]


def make(client: HttpClient, cluster: HttpClient) -> None:
    """Makes everything anew; the first job is closed with a snapshot, the second stays open."""
    remove(client, cluster)
    done(cluster.put(f"/{SOURCE}", json_body={"mappings": {"properties": {
        "time": {"type": "date"}, "shop": {"type": "keyword"}, "customer": {"type": "keyword"},
        "took": {"type": "double"}, "place": {"type": "geo_point"}}}}))  # fmt: skip
    bulk = [line for row in rows() for line in ({"index": {}}, row)]
    done(cluster.post(f"/{SOURCE}/_bulk", ndjson=bulk, query={"refresh": "true"}))
    done(client.put(f"/_ml/filters/{JOB}", json_body={"description": "of a rule", "items": ["nobody", "no one"]}))
    done(client.put(f"/_ml/calendars/{JOB}", json_body={"description": "of both", "job_ids": ["judging"]}))
    event = {"description": "a day off", "start_time": START_MS, "end_time": START_MS + HOUR_MS}
    done(client.post(f"/_ml/calendars/{JOB}/events", json_body={"events": [event]}))
    done(client.put(f"/_ml/anomaly_detectors/{JOB}", json_body=CONFIGURATION))
    done(client.put(f"/_ml/datafeeds/{JOB}", json_body=DATAFEED))
    done(client.put(f"/_ml/anomaly_detectors/{CATEGORIES}", json_body=OF_LOGS))
    done(client.put(f"/_ml/datafeeds/{CATEGORIES}", json_body=SCRIPTED))
    for job in (JOB, CATEGORIES):
        done(client.post(f"/_ml/anomaly_detectors/{job}/_open"))
    end = datetime.fromtimestamp((START_MS + HOURS * HOUR_MS) / 1000, UTC).isoformat()
    done(client.post(f"/_ml/datafeeds/{JOB}/_start", query={"end": end}))
    done(client.post(f"/_ml/anomaly_detectors/{CATEGORIES}/_data", ndjson=messages()))
    done(client.post(f"/_ml/anomaly_detectors/{CATEGORIES}/_flush", query={"calc_interim": "true"}))


def done(answer: Any) -> None:
    assert answer.status < 300, answer.text


def remove(client: HttpClient, cluster: HttpClient) -> None:
    for job in (JOB, CATEGORIES):
        client.delete(f"/_ml/datafeeds/{job}", query={"force": "true"})
        client.delete(f"/_ml/anomaly_detectors/{job}", query={"force": "true"})
    client.delete(f"/_ml/calendars/{JOB}")
    client.delete(f"/_ml/filters/{JOB}")
    cluster.delete(f"/{SOURCE}", query={"ignore_unavailable": "true"})
