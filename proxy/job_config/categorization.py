"""The analyzer that breaks log messages into tokens, as it is written into a job that names none."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.job_config.types import Analyzer, AnalyzerParts, Document, Opaque

# Names of days and months, and the zones that stand beside them, say when a message was written, not what it says.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SHORT_DAYS = tuple(name[:3] for name in _DAYS)
_SHORT_MONTHS = tuple(name[:3] for name in _MONTHS)
STOP_WORDS = (*_DAYS, *_SHORT_DAYS, *_MONTHS, *_SHORT_MONTHS, "GMT", "UTC")
# More tokens than this cost time and do not help to tell messages apart.
MAX_TOKENS = "100"


def default_analyzer(filters: Iterable[str] = ()) -> AnalyzerParts:
    """The standard analyzer, with one char filter for each categorization filter."""
    replacements: list[Opaque] = [{"type": "pattern_replace", "pattern": pattern} for pattern in filters]
    return {
        "char_filter": ["first_line_with_letters", *replacements],
        "tokenizer": "ml_standard",
        "filter": [
            {"type": "stop", "stopwords": list(STOP_WORDS)},
            {"type": "limit", "max_token_count": MAX_TOKENS},
        ],
    }


def normalise_analyzer(analyzer: Analyzer) -> str | Document:
    """A named analyzer stays a name; a custom one gets its three parts in order."""
    if isinstance(analyzer, str):
        return analyzer
    parts: Document = dict(analyzer)
    echoed: Document = {}
    for key in ("char_filter", "tokenizer", "filter"):
        value = parts.get(key)
        if key != "tokenizer" and value is not None and not isinstance(value, list):
            value = [value]
        if value:
            echoed[key] = value
    return echoed
