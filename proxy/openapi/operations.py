"""Operations as the paths of an OpenAPI document: parameters, bodies, answers, and what may be called after what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.answer_schemas import answers_of, reference_of
from proxy.api.access import privilege_for
from proxy.api.operation import Operation
from proxy.api.render import FORMATS
from proxy.api.routes import (
    ADMIN,
    CALENDARS,
    CAT,
    CONNECTORS,
    DATA,
    DATAFEEDS,
    FILTERS,
    FORECASTS,
    JOBS,
    OPERATIONS,
    PLACES,
    RESULTS,
    RULES,
    SNAPSHOTS,
)
from proxy.openapi.components import Components
from proxy.schemas import Schema, shipped_schemas

# By name: what it is about, and its operations.
TAGS: Mapping[str, tuple[str, tuple[Operation, ...]]] = {
    "jobs": ("What is analysed, and how", JOBS),
    "data": ("Data that are sent to jobs", DATA),
    "results": ("Anomalies and categories that were found", RESULTS),
    "snapshots": ("Models of jobs as they were", SNAPSHOTS),
    "forecasts": ("What is still to come", FORECASTS),
    "datafeeds": ("Searches that send data to jobs", DATAFEEDS),
    "calendars": ("Periods in which jobs expect the unusual", CALENDARS),
    "filters": ("Lists of values that custom rules refer to", FILTERS),
    "admin": ("Limits, memory and upkeep", ADMIN),
    "places": ("Where models live", PLACES),
    "cat": ("Tables for people", CAT),
    "rules": ("Alert rules about anomalies and about the health of jobs, as Kibana's", RULES),
    "connectors": ("Where messages about alerts go, as Kibana's", CONNECTORS),
}
_JSON = "application/json"
# The forms of an answer, chosen by `format` or by the Accept header.
_FORMS = tuple(f"application/{form}" for form in FORMATS)
_PART = re.compile(r"\{(\w+)\}")
# A flag without a value is on.
_FLAG: Schema = {
    "type": ["boolean", "string"],
    "enum": [True, False, "true", "false", ""],
    "x-coerce": "boolean",
}
# What every operation takes in its query, besides `filter_path`, with which no answer has to be whole.
_COMMON_QUERY: Mapping[str, tuple[str, Schema]] = {
    "pretty": ("Whether the answer is indented", _FLAG),
    "human": ("Whether times and sizes are also shown as people read them", _FLAG),
    "format": (
        "The form of the answer, instead of the Accept header; one that is not known does not count",
        {"type": "string", "examples": [*FORMATS]},
    ),
    "error_trace": ("Whether errors tell where they were raised", _FLAG),
}
# With the data of a job, so that a repeated request counts once.
_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Of this request and no other; what is sent again with the same key is counted once",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_RECORDS: Schema = {
    "description": "Records, one after another or in a list; with time_field's time in time_format's form",
    "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}],
    "examples": [{"time": 1767225600000, "took": 105.2, "host": "web-3"}],
}


def paths(components: Components) -> dict[str, Any]:
    """All paths; what they refer to is added to ``components``."""
    tags = {operation.name: tag for tag, (_, operations) in TAGS.items() for operation in operations}
    made: dict[str, Any] = {}
    for operation in OPERATIONS:
        for route, operation_id in zip(operation.routes, operation_ids(operation), strict=True):
            method, path = route.split(" ")
            described = {"tags": [tags[operation.name]], "operationId": operation_id}
            described |= _Described(operation, method, path, components).document()
            made.setdefault(path, {})[method.lower()] = described
    return made


def operation_ids(operation: Operation) -> list[str]:
    """One for each route: the operation's name, with what tells the others apart from the shortest."""
    first_method, first_path = operation.routes[0].split(" ")
    ids = []
    for route in operation.routes:
        method, path = route.split(" ")
        by = [part for part in _PART.findall(path) if part not in _PART.findall(first_path)]
        marks = ([f"by_{by[0]}"] if by else []) + ([method.lower()] if method != first_method else [])
        ids.append(".".join([operation.name, *marks]))
    return ids


def _as_parameter(option: Schema) -> Schema | None:
    """An option as a parameter, if it is a flag or a number: in a body it may be a text as well."""
    kind, others = option.get("x-coerce"), {key: part for key, part in option.items() if key != "pattern"}
    if kind == "boolean":
        return {**others, **_FLAG}
    if kind == "number":
        return {**others, "type": "number"}
    if kind != "integer":
        return None
    later = {key: part for key, part in option.get("x-later", {}).items() if key != "pattern"}
    return {**others, "x-later": {}, "type": "integer", **later}


class _Described:
    """One operation under one of its routes."""

    def __init__(self, operation: Operation, method: str, path: str, components: Components) -> None:
        self._operation = operation
        self._method = method
        self._path = path
        self._components = components
        self._file = f"{operation.name}.json"
        self._schema = shipped_schemas().file(self._file)
        # A body that is given with GET is lost on many a way.
        self._body = self._schema["properties"].get("body") if method != "GET" else None

    def document(self) -> dict[str, Any]:
        action = self._schema["x-action"]
        description = f"Needs the cluster privilege `{privilege_for(action)}`, for the action `{action}`."
        if self._operation.deprecation:
            description += f" Every answer warns: {self._operation.deprecation}."
        described: dict[str, Any] = {"summary": self._schema["title"], "description": description}
        described["parameters"] = [*self._parameters()]
        if self._operation.streams_body:
            described["requestBody"] = {"required": True, "content": {_JSON: {"schema": dict(_RECORDS)}}}
        elif self._body is not None:
            described["requestBody"] = {
                "required": "body" in self._schema.get("required", ()),
                "content": {_JSON: {"schema": self._components.schema(self._body, self._file)}},
            }
        described["responses"] = self._responses()
        return described

    def _parameters(self) -> Iterator[dict[str, Any]]:
        for name in _PART.findall(self._path):
            yield {"name": name, "in": "path", "required": True, **self._value("path", name)}
        query: Schema = self._schema["properties"].get("query", {})
        allowed = query.get("x-with-body") if self._body is not None else None
        for name in query.get("properties", {}):
            if allowed is None or name in allowed:
                is_required = name in query.get("required", ())
                yield {"name": name, "in": "query", "required": is_required, **self._value("query", name)}
        if self._operation.streams_body:
            yield dict(_IDEMPOTENCY_KEY)
        for name, (text, schema) in _COMMON_QUERY.items():
            described = self._components.schema(schema, self._file)
            yield {"name": name, "in": "query", "description": text, "schema": described}

    def _value(self, where: str, name: str) -> dict[str, Any]:
        """Schema and description of a parameter."""
        value = self._schema["properties"][where]["properties"][name]
        resolved = shipped_schemas().section(self._operation.name, where).properties()[name]
        schema = self._components.schema(_as_parameter(resolved) or value, self._file)
        description = schema.pop("description", None)
        return {"schema": schema} | ({"description": description} if description else {})

    def _responses(self) -> dict[str, Any]:
        answers, response = answers_of(self._operation.name), self._schema["properties"]["response"]
        success: dict[str, Any] = {"description": response.get("description", "It is done")}
        if response.get("type") != "null":
            schema = self._components.schema(response, self._file)
            success["content"] = {form: {"schema": schema} for form in _FORMS}
        if answers.text is not None:
            success["content"]["text/plain"] = {"schema": {"type": "string", "description": answers.text}}
        if response.get("x-next"):
            success["links"] = {name: self._link(name, fields) for name, fields in response["x-next"].items()}
        responses: dict[str, Any] = {str(answers.status): success}
        for status, text in answers.refusals.items():
            file, fragment = reference_of(self._operation.name, status).split("#")
            error = self._components.schema({"$ref": f"{file}#{fragment}"}, self._file)
            responses[str(status)] = {"description": text, "content": {form: {"schema": error} for form in _FORMS}}
        return responses

    def _link(self, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """To an operation whose path is filled in from this one's path, and from fields of its answer."""
        target = next(operation for operation in OPERATIONS if operation.name == name)
        sources = {part: f"$request.path.{part}" for part in _PART.findall(self._path)}
        sources |= {part: f"$response.body#/{field}" for part, field in fields.items()}
        reached = [
            (operation_id, parts)
            for operation_id, route in zip(operation_ids(target), target.routes, strict=True)
            if sources.keys() >= set(parts := _PART.findall(route))
        ]
        # The path that says the most: of one job and not of all.
        operation_id, parts = max(reached, key=lambda each: len(each[1]))
        return {"operationId": operation_id, "parameters": {part: sources[part] for part in parts}}
