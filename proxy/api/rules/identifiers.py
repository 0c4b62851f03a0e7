"""Rules of names: job ids, groups, results indices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from proxy.api.rules.breach import Breach, Document
from proxy.errors import MlError, already_exists, illegal_argument

_ID = re.compile(r"[a-z0-9](?:[a-z0-9_\-.]*[a-z0-9])?")
_ALL = "_all"
MAX_ID_LENGTH = 64
_CHARACTERS = (
    "can contain lowercase alphanumeric (a-z and 0-9), hyphens or underscores; must start and end with alphanumeric"
)


def is_valid_id(text: str) -> bool:
    return text != _ALL and _ID.fullmatch(text) is not None


def invalid_id(field: str, value: str) -> MlError:
    return illegal_argument(invalid_id_text(field, value))


def invalid_id_text(field: str, value: str) -> str:
    return f"Invalid {field}; '{value}' {_CHARACTERS}"


def id_is_well_formed(job_id: str) -> Iterator[Breach]:
    if not is_valid_id(job_id):
        yield Breach(invalid_id("job_id", job_id))
    if len(job_id) > MAX_ID_LENGTH:
        yield Breach(illegal_argument("The job id cannot contain more than 64 characters."))


def id_agrees_with_path(body: Mapping[str, object], path_id: str, field: str = "job_id") -> Iterator[Breach]:
    given = body.get(field)
    if given is not None and given != path_id:
        yield Breach(
            illegal_argument(
                f"Inconsistent {field}; '{given}' specified in the body differs from '{path_id}' "
                "specified as a URL argument"
            )
        )


def groups_are_well_formed(job: Document) -> Iterator[Breach]:
    for group in job.get("groups") or ():
        if not is_valid_id(group):
            yield Breach(
                illegal_argument(
                    f"Invalid group id '{group}'; must be non-empty string and may {_CHARACTERS.removeprefix('can ')}"
                )
            )


def results_index_is_well_formed(job: Document) -> Iterator[Breach]:
    name = job.get("results_index_name")
    if name and not is_valid_id(name):
        yield Breach(invalid_id("results_index_name", name))


def name_clash(job_id: str, group: str) -> MlError:
    return already_exists(
        f"job and group names must be unique but job [{job_id}] and group [{group}] have the same name"
    )
