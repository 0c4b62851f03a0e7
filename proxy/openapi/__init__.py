"""The API as one OpenAPI 3.1 document, made of the operations' table and of ``schemas/``; nothing is said twice.

``components`` turns schema files into the document's schemas, ``operations`` makes paths of operations.
"""

from __future__ import annotations

from typing import Any

from proxy import __version__
from proxy.openapi.components import Components
from proxy.openapi.operations import TAGS, paths

_DESCRIPTION = """\
Elasticsearch's API for anomaly detection in front of any Elasticsearch, and Kibana's API for alert rules about it.

Operations on jobs, datafeeds, calendars and filters are also served below `/_xpack/ml`. Durations are texts as `15m`,
times epoch milliseconds unless they are described otherwise. Where an operation takes its options in the query or in
the body, only the body is described for POST and only the query for GET, although Elasticsearch takes both. Every
answer can be cut down to some of its parts by `filter_path` in the query; what is described are whole answers.
"""


def document(*, in_usual_forms: bool = False) -> dict[str, Any]:
    """The whole document, as JSON; ``in_usual_forms`` has one form of each value that a request may have several of."""
    components = Components(in_usual_forms=in_usual_forms)
    made = paths(components)
    components.add_documents()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lanewatch",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:9280"}],
        "tags": [{"name": name, "description": text} for name, (text, _) in TAGS.items()],
        "security": [{}, {"basic": []}, {"apiKey": []}],
        "paths": made,
        "components": {
            "schemas": components.schemas(),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "A user of the cluster"},
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`ApiKey` and an encoded key of the cluster",
                },
            },
        },
    }
