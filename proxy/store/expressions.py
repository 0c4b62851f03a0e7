"""Expressions that name several things: ids and wildcards with commas between, as queries and as what they miss."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from proxy.job_config.wildcards import Wildcard, collapsed
from proxy.store.client import Json

_ALL = ("", "_all", "*")


def tokens_of(expression: str | None) -> list[str]:
    return [token.strip() for token in (expression or "").split(",")]


def naming(tokens: Iterable[str], fields: Sequence[str]) -> Json:
    """A query for what one of the tokens names in one of the fields."""
    tokens = list(tokens)
    if any(token in _ALL for token in tokens):
        return {"match_all": {}}
    exact = [token for token in tokens if "*" not in token]
    should: list[Json] = [{"terms": {field: exact}} for field in fields] if exact else []
    for token in tokens:
        if "*" in token:
            pattern = re.sub(r"([\\?])", r"\\\1", collapsed(token))
            should += [{"wildcard": {field: {"value": pattern}}} for field in fields]
    return {"bool": {"should": should}}


def unmatched(tokens: Sequence[str], names: Collection[str], *, allow_no_match: bool) -> list[str]:
    """The tokens that name nothing but should: exact ones, and without ``allow_no_match`` idle wildcards."""
    missing = []
    for token in tokens:
        if token in _ALL:
            matches, label = bool(names), "*"
        elif "*" in token:
            # Only where an idle one matters: with thousands of names it takes its time.
            matches, label = allow_no_match or any(map(Wildcard.of(token).matches, names)), token
        else:
            matches, label = token in names, token
        is_exact = "*" not in label
        if not matches and (is_exact or not allow_no_match):
            missing.append(label)
    return missing
