"""Patterns of Java find with RE2 what they find in Java, or are refused with what to write instead.

What Java finds was asked of Java itself, version 17.
"""

from __future__ import annotations

import time

import pytest

from proxy.java_regex import InvalidPattern, UnsupportedPattern, compile_java, java_replacement


def replaced(pattern, text, replacement="<$0>", flags=""):
    compiled = compile_java(pattern, flags)
    return compiled.sub(java_replacement(replacement, compiled.groups, compiled.group_names), text)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\p{Upper}+", "abCDe", "ab<CD>e"),
        (r"\P{Digit}+", "12ab", "12<ab>"),
        (r"[\p{Digit}x]+", "ab12x", "ab<12x>"),
        (r"\p{L}+", "é1", "<é>1"),
        (r"\pL", "a1", "<a>1"),
        (r"\p{IsLatin}+|\p{script=Greek}", "aσ1", "<a><σ>1"),
        (r"\p{IsDigit}\p{gc=Lu}", "1A", "<1A>"),
        (r"\Qa.b\E+", "axb a.bb", "axb <a.bb>"),
        (r"[\Qa-c\E]+", "a-cb", "<a-c>b"),
        (r"(?<year>\d{4})", "in 2024", "in <2024>"),
        (r"[a-z&&[^aeiou]]+", "strange", "<str>a<ng>e"),
        (r"[a-c[x-z]]+", "axm", "<ax>m"),
        (r"[^a-c[x-z]]", "axm", "ax<m>"),
        (r"[a-d&&b-e&&c-f]+", "abcde", "ab<cd>e"),
        (r"[a[^a-y]]", "abz", "<a>b<z>"),
        (r"[-a]+[b-]", "a-b", "<a-b>"),
        (r"[\d-x]+", "1-xa", "<1-x>a"),
        (r"[]a]+", "]ab", "<]a>b"),
        (r"[\]\[\\]+", r"a[\]b", r"a<[\]>b"),
        (r"\h+end\z", "an\u2003 end", "an<\u2003 end>"),
        (r"\s+", "a\x0b \x85b", "a<\x0b >\x85b"),
        (r"[\S&&[^x]]+", "ax b", "<a>x <b>"),
        (r"a.b", "a\nb a\rb a\u2028b axb", "a\nb a\rb a\u2028b <axb>"),
        (r"(?s)a.b", "a\rb", "<a\rb>"),
        (r"(?d)a.b", "a\rb", "<a\rb>"),
        (r"\R", "a\r\nb\u2029", "a<\r\n>b<\u2029>"),
        (r"(?m)^b$", "a\nb\nc", "a\n<b>\nc"),
        (r"^b", "a\nb", "a\nb"),
        (r"(?i)ab(?-i)c", "ABc ABC", "<ABc> ABC"),
        (r"(a(?i)b)c", "aBc aBC", "<aBc> aBC"),
        (r"(?x) a\ b # of two", "a b", "<a b>"),
        (r"(?x:a b)c d", "abc d", "<abc d>"),
        (r"\x41\x{1F600}\u00e9\ud83d\ude00\0101\cA\e", "A😀é😀A\x01\x1b", "<A😀é😀A\x01\x1b>"),
        (r"x*", "xab", "<x><>a<>b<>"),
        (r"$", "a", "a<>"),
        (r"\b", "ab c", "<>ab<> <>c<>"),
        (r"(a|ab)(c|bcd)", "abcd", "<abcd>"),
        (r"a+?", "aa", "<a><a>"),
        (r"\d++", "a12", "a<12>"),
        (r"a++|(?>bc|b)", "aabc", "<aa><bc>"),
    ],
)
def test_a_pattern_finds_what_it_finds_in_java(pattern, text, found):
    assert replaced(pattern, text) == found


@pytest.mark.parametrize("pattern", ["a$", r"a\Z"])
def test_a_last_line_end_belongs_to_the_match_of_an_end(pattern):
    assert replaced(pattern, "a\r\n") == "<a\r\n>"
    assert replaced(pattern, "a\nb") == "a\nb"


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("(?=a)", "a look-ahead"),
        ("(?!a)", "a negative look-ahead"),
        ("(?<=a)b", "a look-behind"),
        ("(?<!a)b", "a negative look-behind"),
        (r"(a)\1", "a back-reference"),
        (r"(?<n>a)\k<n>", "a back-reference"),
        ("a++b", "a possessive quantifier"),
        ("(a*+)", "a possessive quantifier"),
        ("a{2}+a", "a possessive quantifier"),
        ("(?>a|ab)c", "an atomic group"),
        (r"\Ga", "the end of the last match"),
        (r"\X", "a grapheme"),
        (r"\N{DIGIT ONE}", "a character by its name"),
        (r"(?U)\w", "the flag UNICODE_CHARACTER_CLASS"),
        (r"\p{InGreek}", "the class"),
        (r"\p{javaLowerCase}", "the class"),
        (r"[a-z&&\p{L}]", "a Unicode property"),
        (r"[a[^\p{L}]]", "a Unicode property"),
        ("a{1001}", "a repetition"),
        ("a{2}{3}", "a repetition"),
        ("((a{100}){100}){100}", "a pattern of this size"),
    ],
)
def test_what_cannot_be_run_is_named_with_what_to_write_instead(pattern, construct):
    with pytest.raises(UnsupportedPattern) as refused:
        compile_java(pattern)
    assert refused.value.construct.startswith(construct)
    assert str(refused.value) == f"{refused.value.construct} is not supported, {refused.value.instead}"


@pytest.mark.parametrize(
    "pattern",
    ["(a", "a)", "[a", "[a[b]+", "*a", "a**", "(?i)*", "a|+", "a{3,2}", "a{", "{", "a{,3}", "[z-a]", r"[a-\d]", r"\j",
     r"\E", r"[\b]", "(?z)a", "(?P<a>x)", "(?<1>a)", "(?<a>x)(?<a>y)", r"\u00", r"\x{110000}", "\\"],
)  # fmt: skip
def test_what_java_refuses_is_invalid(pattern):
    with pytest.raises(InvalidPattern):
        compile_java(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+z", "(a|aa)+z", "(a|a?)+z", "a*a*a*a*a*a*a*a*z", "(.*)*z", "([a-c]+)*z"])
def test_time_grows_with_the_text_and_not_with_its_ways_to_be_read(pattern):
    compiled = compile_java(pattern)
    started = time.process_time()
    for size in (60, 1000):
        assert list(compiled.spans("a" * size)) == []
    assert time.process_time() - started < 1.0


def test_classes_of_great_depth_are_refused():
    with pytest.raises(UnsupportedPattern):
        compile_java("[" * 50_000 + "a" + "]" * 50_000)


@pytest.mark.parametrize(
    ("pattern", "flags", "text"),
    [("A.B", "CASE_INSENSITIVE|DOTALL", "a\nb"), ("A . B", "comments | case_insensitive|dotall", "a\rb")],
)
def test_flags_are_understood_by_name(pattern, flags, text):
    assert list(compile_java(pattern, flags).spans(text)) == [(0, 3)]


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("(a)(?<n>b)", r"${n}$1\$\\", "ab", "ba$\\"),
        ("(a)|(b)", "[$2]", "ab", "[][b]"),
        ("(a)", "$10", "a", "a0"),
        ("a", r"\1", "a", "1"),
    ],
)
def test_a_replacement_says_what_it_says_in_java(pattern, replacement, text, result):
    assert replaced(pattern, text, replacement) == result


@pytest.mark.parametrize("replacement", ["$2", "${m}", "$", "\\", "$x"])
def test_a_replacement_that_means_nothing_is_invalid(replacement):
    with pytest.raises(InvalidPattern):
        java_replacement(replacement, 1, {"n": 1})


def test_groups_and_places_are_given_in_characters():
    compiled = compile_java("(b)|c")
    assert list(compiled.spans("éb😀c")) == [(1, 2), (3, 4)]
    assert list(compiled.parts("éb😀c", 1)) == ["b", ""]


def test_half_a_surrogate_pair_stops_nobody():
    assert replaced("b", "a\ud800b") == "a\ufffd<b>"
