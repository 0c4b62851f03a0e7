"""The categorization analyzer turns messages into tokens as its configuration says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.categorize.analyzer import Analyzer, default_config
from proxy.engine.categorize.significant import ml_classic, ml_standard
from tests.engine.naive_categorize import words


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ("Node host-1 left.", ("Node", "host-1", "left")),
        ("2024-01-12 Fri 10:11:12 UTC started", ("started",)),
        ("deadbeef 0x1f cafe-12.3 word", ("word",)),
        ("open /var/log/syslog: denied", ("open", "/var/log/syslog", "denied")),
        (
            "mail from bob@example.com, to <eve@mail.example.com>",
            ("mail", "from", "bob@example.com", "to", "eve@mail.example.com"),
        ),
        ("see https://example.com/a/b.html. now", ("see", "https://example.com/a/b.html", "now")),
        ("redis://cache:6379/0 down", ("redis://cache", "down")),
        (r"C:\Windows\system32\x.dll and D:/y", (r"C:\Windows\system32\x.dll", "and", "D:/y")),
        (r"\\server\share\f.txt gone", (r"\\server\share\f.txt", "gone")),
        ("GET /_search/ /12/34 and/or 4/5 /", ("GET", "/_search", "and/or")),
        ("time: 12:30, -12ab 0:ff ab:cd", ("time",)),
        ("Ошибка подключения к серверу №5: тайм-аут", ("Ошибка", "подключения", "к", "серверу", "тайм-аут")),
        ("用户 [张三] 登录失败，来源 10.0.0.1。", ("用户", "张三", "登录失败", "来源")),
        ("Ο δίσκος «sda1» γέμισε 93%", ("Ο", "δίσκος", "sda1", "γέμισε")),
        ("Größe überschritten ٣٤ ½x 一号", ("Größe", "überschritten", "½x", "一号")),
        ("\n  \n1234\nsecond line\nthird", ("second", "line")),
        ("a_b.c-d __init__ ...", ("a_b.c-d", "init")),
        ("user=alice; id=<77>", ("user", "alice", "id")),
        ("", ()),
    ],
)
def test_the_default_analyzer_keeps_the_words(message, tokens):
    assert Analyzer().tokens(message) == tokens


@pytest.mark.parametrize(
    ("config", "message", "tokens"),
    [
        ("whitespace", "a  b", ("a", "b")),
        ("standard", "Ab, cD", ("ab", "cd")),
        ("simple", "Ab3cD", ("ab", "cd")),
        ("keyword", "a b", ("a b",)),
        ({"tokenizer": "ml_classic"}, "open /var/log now a@b.cz", ("open", "var", "log", "now", "b.cz")),
        ({"tokenizer": {"type": "pattern", "pattern": ";"}}, "a;b c;;d", ("a", "b c", "d")),
        ({"tokenizer": {"type": "pattern", "pattern": "<(?<x>.+?)>", "group": 1}}, "<a> b <c>", ("a", "c")),
        ({"tokenizer": {"type": "simple_pattern_split", "pattern": "[^-0-9A-Za-z_.]+"}}, "a/b c", ("a", "b", "c")),
        ({"tokenizer": {"type": "simple_pattern", "pattern": "[0-9]+"}}, "a1b22", ("1", "22")),
        ({"tokenizer": "letter", "filter": ["lowercase", "unique"]}, "A a b1b", ("a", "b")),
        ({"tokenizer": "whitespace", "filter": [{"type": "limit", "max_token_count": "2"}]}, "a b c", ("a", "b")),
        ({"tokenizer": "whitespace", "filter": [{"type": "length", "min": 2, "max": 3}]}, "a bb cccc", ("bb",)),
        (
            {"tokenizer": "whitespace", "filter": [{"type": "stop", "stopwords": ["x"], "ignore_case": True}]},
            "X y",
            ("y",),
        ),
        ({"tokenizer": "whitespace", "filter": ["stop"]}, "the node", ("node",)),
        (
            {"tokenizer": "whitespace", "filter": [{"type": "pattern_replace", "pattern": "^[0-9].*"}]},
            "1a b",
            ("b",),
        ),
        (
            {
                "tokenizer": "whitespace",
                "char_filter": [
                    {"type": "pattern_replace", "pattern": "(\\p{Alpha}+)=\\S+", "replacement": "$1=X"},
                    {"type": "mapping", "mappings": ["foo => bar"]},
                    "html_strip",
                ],
            },
            "<b>foo</b> user=7",
            ("bar", "user=X"),
        ),
    ],
)
def test_a_configured_analyzer_does_what_it_says(config, message, tokens):
    assert Analyzer(config).tokens(message) == tokens


LETTERS = st.text(st.sampled_from("abfgZ019_.-@:/\\ ,;éж中٣½ª"), max_size=24)


@given(LETTERS | st.text(max_size=12))
def test_words_are_those_found_letter_by_letter(text):
    assert ml_standard(text) == words(text, knows_paths=True)
    assert ml_classic(text) == words(text, knows_paths=False)


def test_filters_of_the_job_remove_text_before_tokens_are_taken():
    assert Analyzer(filters=[r"\[.*?\]", "secret"]).tokens("[a b] node secret up") == ("node", "up")
    assert Analyzer(default_config(["x+"])).tokens("axxb") == Analyzer(filters=["x+"]).tokens("axxb")


@pytest.mark.parametrize(
    "config",
    [
        "klingon",
        {"tokenizer": "klingon"},
        {"tokenizer": "standard", "filter": ["klingon"]},
        {"tokenizer": "standard", "char_filter": [{"type": "klingon"}]},
        {"tokenizer": {"type": "pattern", "pattern": "(["}},
        {"tokenizer": {"type": "pattern", "pattern": "\\p{Klingon}"}},
    ],
)
def test_unknown_parts_are_refused(config):
    with pytest.raises(ValueError, match=r"unknown|not supported|too early"):
        Analyzer(config)


def test_at_most_a_hundred_tokens_are_taken():
    assert len(Analyzer("whitespace").tokens("a " * 300)) == 100


def test_a_pattern_that_would_backtrack_without_end_takes_no_time():
    config = {"tokenizer": "keyword", "char_filter": [{"type": "pattern_replace", "pattern": "(a+)+z"}]}
    text = "a" * 60
    assert Analyzer(config).tokens(text) == (text,)
    assert Analyzer(filters=["(x+)+z"]).tokens("x" * 60 + " word") == ("x" * 60, "word")
    assert Analyzer({"tokenizer": {"type": "pattern", "pattern": "(x+x+)+y"}}).tokens("x" * 60) == ("x" * 60,)


def test_a_group_of_a_tokenizer_must_be_there():
    with pytest.raises(ValueError, match=r"no group \[2\]"):
        Analyzer({"tokenizer": {"type": "pattern", "pattern": "(a)", "group": 2}})
