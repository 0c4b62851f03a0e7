"""What stands above a body: who calls."""

from __future__ import annotations

from multidict import CIMultiDict

from proxy.api.request_head import identity_of

WHO = (
    "authorization",
    "es-security-runas-user",
    "es-secondary-authorization",
    "es-client-authentication",
    "x-opaque-id",
    "traceparent",
)


def test_all_headers_that_tell_who_calls_go_along() -> None:
    headers = CIMultiDict({name.title(): f"of {name}" for name in (*WHO, "cookie")})
    assert {name.lower(): text for name, text in identity_of(headers).items()} == {name: f"of {name}" for name in WHO}
