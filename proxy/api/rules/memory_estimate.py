"""Rules of `_estimate_model_memory`: every cardinality that the estimate reads is given and sensible."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules.analysis_config import analysis_config_breaches
from proxy.api.rules.breach import Breach, Document
from proxy.errors import illegal_argument, validation_failed
from proxy.job_config.detector import CATEGORY_FIELD, FIELD_KEYS
from proxy.job_config.memory_estimate import pure_influencers

_CARDINALITIES = ("overall_cardinality", "max_bucket_cardinality")


def config_is_given(body: Document) -> Iterator[Breach]:
    if body.get("analysis_config") is None:
        yield Breach(validation_failed("[analysis_config] was not specified"))


def cardinalities_are_not_negative(body: Document) -> Iterator[Breach]:
    faults = [
        f"[{key}] contained negative cardinality [{number}]"
        for key in _CARDINALITIES
        for number in (body.get(key) or {}).values()
        if number < 0
    ]
    if faults:
        yield Breach(validation_failed(*faults))


def split_fields_are_estimated(body: Document) -> Iterator[Breach]:
    known = body.get("overall_cardinality") or {}
    for detector in body["analysis_config"]["detectors"]:
        for key in FIELD_KEYS:
            name = detector.get(key)
            if name and name != CATEGORY_FIELD and name not in known:
                yield _missing("Overall", key, name)


def influencers_are_estimated(body: Document) -> Iterator[Breach]:
    known = body.get("max_bucket_cardinality") or {}
    for name in pure_influencers(body["analysis_config"]):
        if name != CATEGORY_FIELD and name not in known:
            yield _missing("Bucket max", "influencers", name)


def _missing(kind: str, key: str, name: str) -> Breach:
    return Breach(illegal_argument(f"[{kind}] cardinality estimate required for [{key}] [{name}] but not supplied"))


def estimate_breaches(body: Document) -> Iterator[Breach]:
    if body.get("analysis_config") is not None:
        for breach in analysis_config_breaches(body["analysis_config"]):
            yield breach.under("analysis_config")
    for rule in (
        config_is_given,
        cardinalities_are_not_negative,
        split_fields_are_estimated,
        influencers_are_estimated,
    ):
        yield from rule(body)
