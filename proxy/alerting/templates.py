"""Mustache templates in the messages of alert rules: checked when a rule is made, rendered when a message is sent.

What users write is bounded, because it is computed here: a few nested sections over long lists would run for minutes.
What a template can name are the variables it is given and nothing behind them (``template_values``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import combustache

from proxy.alerting.template_values import Budget, TooMuch, text_of, wrapped
from proxy.errors import MlError, illegal_argument

Escape = Callable[[str], str]

# Kibana's longest default message has a twentieth of it.
MAX_TEMPLATE_BYTES = 32 * 1024
# Alerts, their records, the causes of a record.
MAX_DEPTH = 3
# Receivers take less: Slack 40,000 characters, Alertmanager's own webhook some megabytes.
MAX_RENDERED_CHARACTERS = 256 * 1024
# White space around a name is cut off afterwards: looked for here, each blank would be tried as the first of it.
_TAG = re.compile(r"\{\{(?P<kind>\{|[#^/&!>=<$]?)(?P<name>.*?)(?P<end>\}?\}\}|\Z)", re.DOTALL)
_REFUSED = {">": "partials", "=": "other delimiters", "<": "parents", "$": "blocks"}


def check_template(text: str) -> None:
    """
    Raises:
        MlError: 400 for a template that cannot be rendered, naming the place in it.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEMPLATE_BYTES:
        raise illegal_argument(f"the template is longer than [{MAX_TEMPLATE_BYTES}] bytes")
    opened: list[tuple[str, int]] = []
    for tag in _TAG.finditer(text):
        kind, name, at = tag["kind"], tag["name"].strip(), tag.start()
        wanted_end = "}}}" if kind == "{" else "}}"
        if not tag["end"].startswith(wanted_end):
            raise _fault(text, at, "the tag is not closed")
        if kind in _REFUSED:
            raise _fault(text, at, f"{_REFUSED[kind]} are not supported")
        if kind != "!" and not name:
            raise _fault(text, at, "the tag names nothing")
        if kind != "!" and any(part.startswith("__") for part in name.split(".")):
            raise _fault(text, at, f"[{name}] is no variable")
        if kind in ("#", "^"):
            opened.append((name, at))
            if len(opened) > MAX_DEPTH:
                raise _fault(text, at, f"sections nest deeper than [{MAX_DEPTH}]")
        elif kind == "/" and (not opened or opened.pop()[0] != name):
            raise _fault(text, at, f"section [{name}] is not open")
    if opened:
        raise _fault(text, opened[-1][1], f"section [{opened[-1][0]}] is not closed")


def _fault(text: str, at: int, what: str) -> MlError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return illegal_argument(f"[{line}:{column}] {what} in the template")


def render(text: str, variables: Mapping[str, Any], escape: Escape) -> str:
    """The template with its variables filled in; those it lacks are empty.

    Raises:
        MlError: 400 for a faulty template, or where the outcome or the way to it is too long.
    """
    check_template(text)
    if "{{" not in text:
        return text
    budget = Budget(len(text), MAX_RENDERED_CHARACTERS)
    try:
        values = wrapped(variables, budget)
        rendered = str(combustache.render(text, values, stringify=budget.spent_on(text_of), escape=escape))
    except TooMuch as error:
        raise illegal_argument(f"the message becomes too long: {error}") from error
    except (combustache.CombustacheError, RecursionError) as error:
        raise illegal_argument(f"the template cannot be rendered: {error}") from error
    if len(rendered) > MAX_RENDERED_CHARACTERS:
        raise illegal_argument(f"the message becomes longer than [{MAX_RENDERED_CHARACTERS}] characters")
    return rendered


def render_all(params: Any, variables: Mapping[str, Any], escapes: Callable[[str], Escape]) -> Any:
    """Parameters with every text in them rendered; ``escapes`` gives what fits to a parameter of the top level."""
    if isinstance(params, Mapping):
        return {name: _rendered(value, variables, escapes(name)) for name, value in params.items()}
    raise illegal_argument("the parameters of an action must be an object")


def _rendered(value: Any, variables: Mapping[str, Any], escape: Escape) -> Any:
    if isinstance(value, str):
        return render(value, variables, escape)
    if isinstance(value, Mapping):
        return {name: _rendered(part, variables, escape) for name, part in value.items()}
    if isinstance(value, list):
        return [_rendered(part, variables, escape) for part in value]
    return value


def check_params(params: Any, sample: Mapping[str, Any]) -> None:
    """Checks every template in an action's parameters, and that it can be rendered with sample data.

    Raises:
        MlError: 400, see ``check_template``.
    """
    for text in _texts(params):
        render(text, sample, lambda plain: plain)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
