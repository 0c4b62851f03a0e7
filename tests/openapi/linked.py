"""Hooks of schemathesis for following links: half of all bodies are the examples of their schemas.

Bodies that are made up are hardly ever a job that can be opened, so that nothing would follow on them.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

from tests.openapi import hooks

__all__ = ["hooks"]


@schemathesis.hook
def flatmap_body(context: schemathesis.HookContext, body: Any) -> st.SearchStrategy[Any]:
    content = context.operation.definition.raw["requestBody"]["content"]
    examples = content["application/json"]["schema"].get("examples", [])
    return st.sampled_from([*examples, body]) if examples else st.just(body)
