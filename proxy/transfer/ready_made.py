"""The jobs that come with Lanewatch, in the form of a module as Kibana's API answers it."""

from __future__ import annotations

import json

from proxy.transfer.facts import FOLDER, facts
from proxy.transfer.plan import Document
from proxy.transfer.shapes import Unreadable


def ready_made_text(name: str) -> str:
    """
    Raises:
        Unreadable: if there are no ready-made jobs of this name
    """
    if name not in facts().ready_made:
        raise Unreadable(f"there are no ready-made jobs [{name}], only {', '.join(facts().ready_made)}")
    return (FOLDER / "ready-made" / f"{name}.json").read_text()


def ready_made(name: str) -> Document:
    """
    Raises:
        Unreadable: likewise
    """
    module: Document = json.loads(ready_made_text(name))
    return module
