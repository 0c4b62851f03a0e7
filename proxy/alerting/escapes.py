"""How a value is written inside a text of a certain kind, so that it cannot become a part of that text's form."""

from __future__ import annotations

import json
import re

# All of ASCII's punctuation may be escaped, CommonMark 0.31 section 2.4; these are what begins something within a line
# or at its beginning.
_OF_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#+\-.!|~&=:]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    return text


def in_json(text: str) -> str:
    """Inside the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def in_markdown(text: str) -> str:
    return _OF_MARKDOWN.sub(r"\\\g<0>", text)


def without_markdown_escapes(text: str) -> str:
    """A text in Markdown for people who read it as it is."""
    return _ESCAPED.sub(r"\1", text)


def in_slack(text: str) -> str:
    """Slack names three characters that have a meaning of their own: `<!channel>` would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
