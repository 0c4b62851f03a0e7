"""Large pages of buckets, records and influencers as text, and how single ones are stored so that pages are quick.

The tables are in ``docs``, the machinery in ``document_struct``.
"""

from __future__ import annotations

import orjson
from msgspec import UNSET

from proxy.store.results.docs import BUCKET, INFLUENCER, RECORD
from proxy.store.results.document_struct import Pages, Struct, encode
from proxy.store.results.document_table import Document
from proxy.store.results.reserved_fields import SIDES, add_copy, scalar_copy


def _bucket(bucket: Struct, text: bytes) -> bytes:
    if bucket.scheduled_events:
        return text
    bucket.scheduled_events = UNSET
    return encode(bucket)


def _record(record: Struct, text: bytes) -> bytes:
    """The copies of the input fields follow the fixed keys."""
    copies: dict[str, list[str]] = {}
    for name, value in SIDES:
        if getattr(record, value) is not UNSET:
            add_copy(copies, getattr(record, name) or None, [getattr(record, value)])
    for influence in record.influencers or ():
        if influence.influencer_field_values:
            add_copy(copies, influence.influencer_field_name or None, influence.influencer_field_values)
    return text[:-1] + b"," + encode(copies)[1:] if copies else text


def _influencer(influencer: Struct, text: bytes) -> bytes:
    """The copy of the value follows the value."""
    name, value = influencer.influencer_field_name, influencer.influencer_field_value
    copy = {} if name is UNSET or value is UNSET else scalar_copy(name, value)
    if not copy:
        return text
    head = {"influencer_field_name": name, "influencer_field_value": value}
    before, shown, after = text.partition(encode(head)[1:-1])
    return before + shown + b"," + encode(copy)[1:-1] + after


BUCKETS = Pages(BUCKET, "bucket", _bucket)
RECORDS = Pages(RECORD, "record", _record)
INFLUENCERS = Pages(INFLUENCER, "influencer", _influencer)
_PAGES_OF = {"bucket": BUCKETS, "record": RECORDS, "influencer": INFLUENCERS}


def stored_form(document: Document) -> bytes:
    """The source to store for a result of any type: those that are read by the page are sealed."""
    pages = _PAGES_OF.get(document.get("result_type", ""))
    return orjson.dumps(document) if pages is None else pages.source(document)
