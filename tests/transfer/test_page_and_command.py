"""The page and the command read the same files alike: the same plans, notes and requests, and the same refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from itertools import product
from pathlib import Path

import pytest

from proxy.transfer.facts import facts
from proxy.transfer.plan import Choices
from proxy.transfer.planning import plan
from proxy.transfer.ready_made import ready_made_text
from proxy.transfer.shapes import Unreadable, read
from proxy.transfer.steps import steps
from proxy.transfer.surroundings import Surroundings, against

HERE = Path(__file__).parent
FILES = {path.name: path.read_text() for path in sorted((HERE / "files").iterdir())}
TEXTS = {
    **FILES,
    **{name: ready_made_text(name) for name in facts().ready_made},
    "all in lines": "\n".join(json.dumps(json.loads(text)) for name, text in FILES.items() if name.endswith(".json")),
    "no JSON": "{",
    "nothing": "[]",
    "a number": "7",
    "no id": "[{}]",
    "null": '{"job": null}',
    "no analysis": '{"job_id": "a"}',
    "odd list": '{"jobs": [1]}',
    "odd module": '{"jobs": [{"id": "a", "config": 1}]}',
    "odd filters": '{"filters": [{"items": []}]}',
    "odd values": json.dumps(
        {
            "job": {"job_id": "a", "analysis_config": {"detectors": [7, {"custom_rules": [{"scope": {"a": 1}}, 3]}]}},
            "datafeed": {"indices": "a, b,,c", "query": [1, {"x": None}], "aggs": {}},
        }
    ),
}
CHOICES = [
    {"prefix": "", "index": None, "query": None, "groups": []},
    {"prefix": "p-", "index": "a$&b,c", "query": {"match_all": {}}, "groups": ["web", "new"]},
    {"prefix": "Ü", "index": None, "query": None, "groups": []},
]
THERE = [
    {"jobs": [], "datafeeds": [], "filters": [], "calendars": []},
    {
        "jobs": ["ruled", "p-bare"],
        "datafeeds": ["datafeed-summed"],
        "filters": ["known-hosts"],
        "calendars": ["holidays", "gone"],
    },
]
CASES = [
    {"text": text, "choices": choices, "there": there}
    for text, choices, there in product(TEXTS.values(), CHOICES, THERE)
]


def of_the_command(case):
    choices = Choices(**case["choices"] | {"groups": tuple(case["choices"]["groups"])})
    there = Surroundings(**{name: frozenset(names) for name, names in case["there"].items()})
    try:
        made = against(plan(read([case["text"]]), choices), there)
    except Unreadable:
        return None
    requests = [
        {
            "does": step.does,
            "request": {"method": step.method, "path": step.path} | ({} if step.body is None else {"body": step.body}),
            "needs": step.needs,
        }
        for step in steps(made)
    ]
    return json.loads(json.dumps({"plan": asdict(made), "steps": requests}))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_plans_what_the_command_plans():
    ran = subprocess.run(
        ["node", HERE / "plans.mjs"], input=json.dumps(CASES), capture_output=True, text=True, timeout=120, check=True
    )
    of_the_page = json.loads(ran.stdout)
    assert len(of_the_page) == len(CASES)
    for case, found in zip(CASES, of_the_page, strict=True):
        assert found == of_the_command(case), case
    assert sum(found is None for found in of_the_page) == 9 * len(CHOICES) * len(THERE)
