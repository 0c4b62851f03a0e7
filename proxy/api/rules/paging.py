"""The page that a call asks for: ``from`` and ``size`` in the query, ``page`` in a body."""

from __future__ import annotations

from proxy.api.call import Call
from proxy.errors import MlError, illegal_argument, x_content_parse
from proxy.store import Page


def page_of(call: Call) -> Page:
    """The page, or the first hundred.

    Raises:
        MlError: 400 for a negative number, in a body as Elasticsearch's parsers nest it.
    """
    if call.body is None:
        page = Page(call.query.get("from", 0), call.query.get("size", 100))
        _check(page)
        return page
    given = call.body.get("page", {})
    page = Page(given.get("from", 0), given.get("size", 100))
    try:
        _check(page)
    except MlError as error:
        built = x_content_parse("Failed to build [page] after last required field arrived", caused_by=error)
        raise call.body_error(("page",), built) from error
    return page


def _check(page: Page) -> None:
    for name, value in (("from", page.from_), ("size", page.size)):
        if value < 0:
            raise illegal_argument(f"Parameter [{name}] cannot be < 0")
