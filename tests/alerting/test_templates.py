"""Templates of messages: what they render to, what they cannot reach, and what is refused."""

from __future__ import annotations

import json
import time

import pytest

from proxy.alerting.escapes import in_json, in_slack, plain
from proxy.alerting.templates import check_params, check_template, render, render_all
from proxy.errors import MlError

RECORD = {"score": 91.0, "actual": [1.5, 2.0], "entity": 'a"b\\c\nd'}
CONTEXT = {
    "alert": {"id": "job", "flapping": False, "consecutiveMatches": 0},
    "context": {"jobIds": ["one", "two"], "score": 80.0, "share": 0.25, "topRecords": [RECORD], "none": None},
    "rule": {"name": "Rule *one*", "tags": []},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no tags", "no tags"),
        ("{{context.score}} {{context.share}}", "80 0.25"),
        ("{{context.jobIds}}", "one,two"),
        ("{{context.jobIds.length}} {{context.jobIds.1}} {{context.jobIds.7}}|", "2 two |"),
        ("{{#context}}{{#topRecords.length}}{{topRecords.0.score}}{{/topRecords.length}}{{/context}}", "91"),
        ("{{#rule.tags.length}}some{{/rule.tags.length}}{{^rule.tags}}none{{/rule.tags}}", "none"),
        ("{{^alert.consecutiveMatches}}zero{{/alert.consecutiveMatches}} {{alert.flapping}}", "zero false"),
        ("{{context.jobIds.asJSON}}", '["one","two"]'),
        ("{{#context.topRecords}}{{actual}}{{/context.topRecords}}", "1.5,2"),
        ("{{alert}}", json.dumps(CONTEXT["alert"], separators=(",", ":"))),
        ("{{context.none}}|{{context.unknown.deeper}}|{{! a comment }}", "||"),
        ("{{#alert}}{{id}} {{rule.name}}{{/alert}}", "job Rule *one*"),
    ],
)  # fmt: skip
def test_what_a_template_renders_to(template, text):
    assert render(template, CONTEXT, plain) == text


@pytest.mark.parametrize(
    "name",
    [
        "context.jobIds.clear", "context.jobIds.pop", "context.score.real", "rule.name.upper", "rule.name.format",
        "context.items", "context.none.real", "alert.flapping.real", "context.score.0", "context.unknown.mro",
        "context._plain", "context.jobIds._budget", "rule.name.value",
    ],
)  # fmt: skip
def test_a_template_reaches_no_method_and_no_attribute(name):
    before = json.dumps(CONTEXT)
    assert render("[{{" + name + "}}]", CONTEXT, plain) == "[]"
    assert json.dumps(CONTEXT) == before


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("line\n  {{a", "[2:3] the tag is not closed in the template"),
        ("{{#a}}x", "[1:1] section [a] is not closed in the template"),
        ("x{{/a}}", "[1:2] section [a] is not open in the template"),
        ("{{#a}}{{#b}}{{/a}}{{/b}}", "[1:13] section [a] is not open in the template"),
        ("{{#a}}{{#b}}{{#c}}{{#d}}", "[1:19] sections nest deeper than [3] in the template"),
        ("{{> /etc/passwd}}", "[1:1] partials are not supported in the template"),
        ("{{=<% %>=}}", "[1:1] other delimiters are not supported in the template"),
        ("{{<parent}}", "[1:1] parents are not supported in the template"),
        ("{{$block}}", "[1:1] blocks are not supported in the template"),
        ("{{a.__class__}}", "[1:1] [a.__class__] is no variable in the template"),
        ("{{}}", "[1:1] the tag names nothing in the template"),
        ("x" * 33_000, "the template is longer than [32768] bytes"),
    ],
)
def test_a_faulty_template_is_refused_with_its_place(template, told):
    with pytest.raises(MlError) as caught:
        check_template(template)
    assert (caught.value.status, caught.value.reason) == (400, told)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{#l}}{{#l}}{{#l}}x{{/l}}{{/l}}{{/l}}", "its sections are repeated too often"),
        ("{{#l}}" + "{{t}}" * 10 + "{{/l}}", "its values are too long"),
        ("{{#l}}" + "x" * 10_000 + "{{/l}}", "characters"),
    ],
)
def test_what_would_take_long_or_become_long_is_ended_soon(template, told):
    start = time.process_time()
    with pytest.raises(MlError, match=told):
        render(template, {"l": list(range(50 if "x" * 100 in template else 300)), "t": "t" * 1000}, plain)
    assert time.process_time() - start < 2


def test_blanks_within_a_tag_cost_no_more_than_letters():
    start = time.process_time()
    check_template("{{a" + " " * 32_000 + "b}}")
    assert time.process_time() - start < 1
    assert render("{{  rule.name\n }}", CONTEXT, plain) == "Rule *one*"


def test_values_cannot_leave_the_string_of_a_json_body():
    body = '{"entity": "{{#context.topRecords}}{{entity}}{{/context.topRecords}}", "all": {{{context.jobIds.asJSON}}}}'
    assert json.loads(render(body, CONTEXT, in_json)) == {"entity": RECORD["entity"], "all": ["one", "two"]}


def test_values_have_no_meaning_in_slack():
    assert render("{{a}}", {"a": "<!channel> & co"}, in_slack) == "&lt;!channel&gt; &amp; co"


def test_all_texts_of_parameters_are_rendered_each_with_its_escape():
    params = {"subject": "{{rule.name}}", "message": "{{q}}", "to": ["{{alert.id}}@example.org"], "n": 3}
    rendered = render_all(params, {**CONTEXT, "q": '"'}, lambda name: in_json if name == "message" else plain)
    assert rendered == {"subject": "Rule *one*", "message": r"\"", "to": ["job@example.org"], "n": 3}


def test_parameters_are_checked_wherever_a_template_stands():
    with pytest.raises(MlError, match="section \\[b\\] is not closed"):
        check_params({"documents": [{"a": ["{{#b}}"]}]}, CONTEXT)
    check_params({"documents": [{"a": ["{{b}}"]}]}, CONTEXT)
