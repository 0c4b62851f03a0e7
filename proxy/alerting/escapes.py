"""How a value is written inside a text of a certain kind, so that it cannot become a part of that text's form."""

from __future__ import annotations

import json


def plain(text: str) -> str:
    return text


def in_json(text: str) -> str:
    """Inside the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def in_slack(text: str) -> str:
    """Slack names three characters that have a meaning of their own: `<!channel>` would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
