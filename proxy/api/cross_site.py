"""Refuses changes that another web site asks for in its visitor's name.

A browser sends the credentials that it keeps for us with any request, whichever page makes it, and says in
``Sec-Fetch-Site`` where that page is from. Other clients do not send the header and notice nothing.
"""

from __future__ import annotations

from aiohttp import web

from proxy.api.passing.passthrough import is_read_only
from proxy.errors import MlError

_FOREIGN = frozenset({"cross-site", "same-site"})


def refuse_cross_site_change(request: web.BaseRequest) -> None:
    """
    Raises:
        MlError: 403
    """
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    if site not in _FOREIGN or is_read_only(request.method, request.raw_path):
        return
    reason = f"[{request.method}] from another web site [Sec-Fetch-Site: {site}] is not allowed"
    # What still comes of the body is not read, so the connection ends with the answer.
    raise MlError("security_exception", reason, 403, headers={"Connection": "close"})
