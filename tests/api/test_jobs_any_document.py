"""Any document that an operation's schema accepts gets an answer, never a failure; what put returns, get returns."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.schemas import shipped_schemas

# Texts that rules look at, so that random documents reach beyond the first refusal.
TELLING = {
    "bucket_span": ["15m", "1h", "0s", "10ms", "x"],
    "latency": ["0", "1m", "-1"],
    "model_prune_window": ["30d", "15m"],
    "background_persist_interval": ["1h", "3h", "1s"],
    "time_format": ["epoch", "epoch_ms", "yyyy-MM-dd HH:mm:ss", "yyyy", "[", "'"],
    "model_memory_limit": ["10mb", "1gb", "x", "-1", "1.5gb"],
    "query_delay": ["1m"],
    "frequency": ["1m"],
    "time_span": ["1h"],
    "check_window": ["2h"],
    "timeout": ["5s"],
}
NAMES = st.sampled_from(["airline", "host", "mlcategory", "count", "a.b", "a", ".", "x,y", "", "é"])
FREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def documents(schema, files, base, name=""):
    """A strategy for what a schema accepts; wider than what a client would send, narrower than all of JSON."""
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        base = f"_common/{Path(file).name}" if file else base
        target = files[base]
        for step in pointer.strip("/").split("/"):
            target = target[step]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema, files, base, name) for kind in kinds])


def _of_kind(kind, schema, files, base, name):
    if schema.get("if", {}).get("type") == kind and "properties" not in schema:
        return documents(schema["then"], files, base, name)
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ())) | set(schema.get("x-later", {}).get("required", ()))
        parts = {key: documents(part, files, base, key) for key, part in schema["properties"].items()}
        optional = {key: part for key, part in parts.items() if key not in required}
        return st.fixed_dictionaries({key: parts[key] for key in parts if key in required}, optional=optional)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return st.dictionaries(
            NAMES, documents(inner, files, base, name) if isinstance(inner, dict) else FREE, max_size=3
        )
    if kind == "array":
        return st.lists(documents(schema["items"], files, base, name), max_size=3)
    if kind == "string":
        if "pattern" in schema:
            return st.from_regex(schema["pattern"])
        return st.sampled_from(TELLING[name]) if name in TELLING else NAMES
    return {
        "number": st.integers(-2, 60) | st.floats(-1e6, 1e6),
        "boolean": st.booleans(),
        "null": st.none(),
    }[kind]


def bodies(operation):
    folder = Path(__file__).parents[2] / "schemas"
    files = {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("*.json")}
    return documents(files[f"{operation}.json"]["properties"]["body"], files, f"{operation}.json")


def quick(examples):
    checks = [
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ]
    return settings(max_examples=examples, deadline=None, suppress_health_check=checks)


def is_accepted(operation, body):
    return not list(shipped_schemas().section(operation, "body").faults(body))


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("ml.validate", "/_ml/anomaly_detectors/_validate"),
        ("ml.validate_detector", "/_ml/anomaly_detectors/_validate/detector"),
        ("ml.estimate_model_memory", "/_ml/anomaly_detectors/_estimate_model_memory"),
    ],
)
def test_a_check_answers_every_document_that_its_schema_accepts(client, operation, path):
    answered = set()

    @quick(120)
    @given(bodies(operation))
    def answers(body):
        assert is_accepted(operation, body)
        answer = client.post(path, json_body=body)
        assert answer.status in (200, 400), (body, answer.text)
        answered.add(answer.status)

    answers()
    assert answered


def test_a_job_that_is_created_is_read_as_it_was_answered(client, reset_jobs):
    reset_jobs()
    created = []

    @quick(60)
    @given(bodies("ml.put_job"))
    def answers(body):
        body.pop("job_id", None)
        answer = client.put("/_ml/anomaly_detectors/any-document", json_body=body)
        assert answer.status in (200, 400), (body, answer.text)
        if answer.status == 200:
            created.append(body)
            read = client.get("/_ml/anomaly_detectors/any-document").json()
            assert json.dumps(read["jobs"]) == json.dumps([answer.json()])
            assert client.delete("/_ml/anomaly_detectors/any-document").status == 200

    answers()


LIKELY_DETECTORS = st.lists(
    st.sampled_from(
        [
            {"function": "count"},
            {"function": "mean", "field_name": "bytes", "by_field_name": "airline"},
            {"function": "rare", "by_field_name": "host", "exclude_frequent": "By"},
            {"function": "high_nzc", "partition_field_name": "region", "use_null": True},
            {"function": "dc", "field_name": "user", "over_field_name": "client"},
        ]
    ),
    min_size=1,
    max_size=3,
    unique_by=json.dumps,
)


def test_a_sound_job_with_any_further_fields_comes_back_whole(client, reset_jobs):
    reset_jobs()
    fields = st.fixed_dictionaries(
        {"analysis_config": st.fixed_dictionaries({"detectors": LIKELY_DETECTORS}), "data_description": st.just({})},
        optional={
            "description": st.text(max_size=20),
            "custom_settings": st.dictionaries(st.text(max_size=5), FREE, max_size=3),
            "groups": st.lists(st.sampled_from(["g1", "g2"]), max_size=2),
            "results_retention_days": st.integers(0, 10**6),
            "model_plot_config": st.fixed_dictionaries({"enabled": st.booleans()}),
        },
    )

    @quick(40)
    @given(fields)
    def comes_back(body):
        answer = client.put("/_ml/anomaly_detectors/sound", json_body=body)
        assert answer.status == 200, (body, answer.text)
        shown = answer.json()
        for key, value in body.items():
            if key not in ("analysis_config", "data_description", "model_plot_config") and value != []:
                assert shown[key] == value
        read = client.get("/_ml/anomaly_detectors/sound").json()
        assert json.dumps(read["jobs"]) == json.dumps([shown])
        assert client.delete("/_ml/anomaly_detectors/sound").status == 200

    comes_back()


def test_an_update_answers_every_document_that_its_schema_accepts(client, reset_jobs):
    reset_jobs()
    job = {"analysis_config": {"detectors": [{"function": "count"}]}, "data_description": {}}
    assert client.put("/_ml/anomaly_detectors/updated", json_body=job).status == 200

    @quick(60)
    @given(bodies("ml.update_job"))
    def answers(body):
        answer = client.post("/_ml/anomaly_detectors/updated/_update", json_body=body)
        assert answer.status in (200, 400), (body, answer.text)
        if answer.status == 200:
            read = client.get("/_ml/anomaly_detectors/updated").json()
            assert json.dumps(read["jobs"]) == json.dumps([answer.json()])

    answers()
