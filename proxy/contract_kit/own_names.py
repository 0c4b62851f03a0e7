"""Names of a run's own: what a scenario makes gets a prefix, so that nothing of anybody else is read or changed.

A scenario is written with plain names (`web-1`). Which of its words are names is read off its requests: ids in paths,
and what stands in the fields below. A name is replaced wherever it stands as a word of its own, in what is sent and
in what is expected, but not in prose: `No known job with id 'one'` becomes `… with id 'lw1f-one'`, `one of them` stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

_ID_LENGTH = 64
# A single letter names nothing that a scenario makes, and is a word of many texts.
_NAME = re.compile(r"(?=.*[a-z0-9])[a-z0-9*][a-z0-9._*-]+")
# What Elasticsearch or Lanewatch have themselves, whoever asks.
_NOT_OURS = re.compile(r"shared|lanewatch-.*|xpack\..*")
# Elasticsearch puts it before the name of an index of results.
_OF_RESULTS = "custom-"
_ID_PATHS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:/_xpack/ml|/_ml|/_cat/ml)/(?:anomaly_detectors|datafeeds|calendars|filters)/([^/]+)",
        r"/_ml/calendars/[^/]+/jobs/([^/]+)",
        r"/_ml/_delete_expired_data/([^/]+)",
        r"(?:/s/[^/]+)?/api/(?:alerting/rule|actions/connector)/([^/]+)",
        r"/(?!api/|s/)([a-z][^/]*)",  # an index
    )
)
_NAMING_FIELDS = {
    *("job_id", "job_ids", "jobIds", "datafeed_id", "calendar_id", "filter_id", "groups", "groupIds"),
    *("_index", "index", "indices", "indexes", "results_index_name"),
}


def with_own_names(written: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The scenario with ``prefix`` before every name of its own; nothing of ``written`` is changed."""
    names = sorted(names_of(written), key=lambda name: (-len(name), name))
    if not names:
        return written
    words = re.compile(rf"(?:(?<![A-Za-z0-9])|(?<=%20))(?:{'|'.join(map(re.escape, names))})(?![A-Za-z0-9])")

    def rename(text: str) -> str:
        return words.sub(lambda found: found[0] if _is_prose(text, found) else own_name(found[0], prefix), text)

    return {**written, "steps": [_renamed_step(step, rename) for step in written["steps"]]}


def own_name(name: str, prefix: str) -> str:
    """A name that is just as long as an id may be stays as long."""
    return prefix + (name[len(prefix) :] if len(name) == _ID_LENGTH else name)


def _renamed_step(step: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    parts: dict[str, Any] = {part: _renamed(step[part], rename) for part in ("request", "response") if part in step}
    if "absent" in step:
        parts["absent"] = [_renamed(path, rename, is_key=True) for path in step["absent"]]
    return {**step, **parts}


def _renamed(part: Any, rename: Callable[[str], str], *, is_key: bool = False) -> Any:
    """Keys are names only where they are those of indices and aliases."""
    if isinstance(part, dict):
        return {_renamed(key, rename, is_key=True): _renamed(value, rename) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(value, rename) for value in part]
    if isinstance(part, str) and (not is_key or ".ml-" in part):
        return rename(part)
    return part


def _is_prose(text: str, found: re.Match[str]) -> bool:
    before, after = text[: found.start()], text[found.end() :]
    if "\n" in text or not re.search(r"\s", text):  # of several lines is a table
        return False
    return (not before or before[-1].isspace()) and (not after or after[0].isspace() or after[0] in ".,;:")


def names_of(written: dict[str, Any]) -> set[str]:
    """The words of a scenario that name something it makes, changes or asks for."""
    return {name for step in written["steps"] for name in _names_of_request(step["request"])}


def _names_of_request(request: dict[str, Any]) -> Iterator[str]:
    for pattern in _ID_PATHS:
        if found := pattern.match(request["path"]):
            yield from _names_in(unquote(found[1]))
    yield from _names_of_fields(request.get("query", {}))
    yield from _names_of_fields([request.get("body"), request.get("ndjson"), _json_of(request.get("text"))])


def _names_of_fields(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for element in part:
            yield from _names_of_fields(element)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in _NAMING_FIELDS:
                for text in value if isinstance(value, list) else [value]:
                    if isinstance(text, str):
                        yield from _names_in(text)
            yield from _names_of_fields(value)


def _names_in(text: str) -> Iterator[str]:
    for token in text.split(","):
        name = token.strip().removeprefix(_OF_RESULTS)
        if _NAME.fullmatch(name) and not _NOT_OURS.fullmatch(name):
            yield name


def _json_of(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
