"""Categorization finds the sentences behind messages."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.categorize import NO_CATEGORY, Categorizer
from proxy.engine.categorize.analyzer import Analyzer
from proxy.engine.categorize.similarity import common_subsequence, edit_distance, similarity, token_weights
from proxy.engine.categorize.words import UNKNOWN, VERB, WORD, word_class
from proxy.engine.spec import CategorizationSpec
from tests.engine import naive_categorize as naive

WORDS = ["node", "failed", "host-1", "host-2", "connection", "timed", "out", "zq", "xk", "restarted"]
MESSAGES = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=30)
SEQUENCES = st.lists(st.sampled_from(WORDS), max_size=6).map(tuple)
TEMPLATES = [
    "Node {name} left the cluster after {number} ms",
    "Failed password for user {name} from 10.0.{number}.1 port {number} ssh2",
    "Connection to {name} timed out after {number}ms: retrying",
    "User {name} logged in",
    "User {name} logged out",
]


def written(count, seed=7, templates=TEMPLATES):
    chance = random.Random(seed)
    names = ["alice", "bob", "carol", "host-7", "db.example.com"]
    chosen = [chance.randrange(len(templates)) for _ in range(count)]
    messages = [templates[t].format(name=chance.choice(names), number=chance.randrange(9999)) for t in chosen]
    return messages, chosen


OTHER_SCRIPTS = {
    "Russian": [
        "Узел {name} покинул кластер через {number} мс",
        "Неверный пароль пользователя {name} с адреса 10.0.{number}.1",
        "Пользователь {name} вошёл",
        "Недостаточно места на диске /dev/sd{number}: осталось {number} МБ",
    ],
    "Chinese": [
        "节点 {name} 在 {number} 毫秒后离开集群",
        "用户 [{name}] 登录失败，来源 10.0.{number}.1",
        "用户 [{name}] 已登录。",
        "磁盘空间不足：剩余 {number} MB",
    ],
    "Greek": [
        "Ο κόμβος {name} έφυγε από το σύμπλεγμα μετά από {number} ms",
        "Λάθος κωδικός για τον χρήστη {name} από 10.0.{number}.1",
        "Ο χρήστης {name} συνδέθηκε",
        "Δεν υπάρχει χώρος στον δίσκο: {number} MB",
    ],
}


@pytest.mark.parametrize("templates", OTHER_SCRIPTS.values(), ids=OTHER_SCRIPTS)
def test_sentences_in_any_script_have_one_category_each(templates):
    messages, chosen = written(400, templates=templates)
    categorizer = Categorizer()
    ids = categorizer.categorise(messages).tolist()
    assert len(set(zip(ids, chosen, strict=True))) == len(set(ids)) == len(templates)
    for definition in categorizer.changed():
        members = [m for m, i in zip(messages, ids, strict=True) if i == definition["category_id"]]
        assert all(re.fullmatch(definition["regex"], message, re.DOTALL) for message in members)
        assert not [m for m in messages if m not in members and re.fullmatch(definition["regex"], m, re.DOTALL)]


@settings(max_examples=150, deadline=None)
@given(messages=MESSAGES)
def test_the_choice_agrees_with_the_twin_that_compares_everything(messages):
    fast, slow, analyzer = Categorizer(), naive.NaiveCategories(), Analyzer()
    ids = fast.categorise(messages)
    assert ids.tolist() == [slow.add(analyzer.tokens(message), len(message)) for message in messages]
    assert fast.stats()[0]["dead_category_count"] == len(slow.dead())
    by_id = {definition["category_id"]: definition for definition in fast.changed()}
    for category in slow.categories:
        definition = by_id[category.number]
        assert definition["num_matches"] == category.count
        assert set(definition["terms"].split()) == category.common
        assert definition["max_matching_length"] == int(category.longest * 1.1)


@settings(max_examples=150, deadline=None)
@given(one=SEQUENCES, other=SEQUENCES)
def test_distances_follow_their_definition(one, other):
    weights, other_weights = token_weights(one), token_weights(other)
    assert edit_distance(one, weights, other, other_weights) == naive.distance(one, weights, other, other_weights)
    assert 0 <= similarity(one, weights, other, other_weights) <= 1
    assert similarity(one, weights, one, weights) == 1


@settings(max_examples=150, deadline=None)
@given(one=SEQUENCES, other=SEQUENCES)
def test_common_subsequences_are_the_heaviest(one, other):
    found = common_subsequence(one, other)
    assert naive.in_order(found, one)
    assert naive.in_order(found, other)
    at, weight = 0, 0
    if len(set(one)) == len(one):
        for token, token_weight in zip(one, token_weights(one), strict=True):
            if at < len(found) and found[at] == token:
                at, weight = at + 1, weight + token_weight
        assert weight == naive.heaviest_common(one, other)


@settings(max_examples=60, deadline=None)
@given(messages=MESSAGES, cut=st.integers(0, 30))
def test_neither_batches_nor_restarts_change_anything(messages, cut):
    whole = Categorizer()
    expected = whole.categorise(messages).tolist()
    first, second = Categorizer(), Categorizer()
    ids = first.categorise(messages[:cut]).tolist()
    second.restore(first.state())
    assert ids + second.categorise(messages[cut:]).tolist() == expected
    assert second.state()["categorizer"].tobytes() == whole.state()["categorizer"].tobytes()
    assert second.changed() == whole.changed()


@settings(max_examples=60, deadline=None)
@given(messages=MESSAGES)
def test_the_regex_and_terms_of_a_category_fit_all_its_members(messages):
    categorizer = Categorizer()
    ids = categorizer.categorise(messages).tolist()
    by_id = {definition["category_id"]: definition for definition in categorizer.changed()}
    for message, category_id in zip(messages, ids, strict=True):
        definition = by_id[category_id]
        assert re.fullmatch(definition["regex"], message)
        assert set(definition["terms"].split()) <= set(message.split())
        assert len(message) <= definition["max_matching_length"]


def test_each_sentence_becomes_a_category_whatever_its_variables():
    messages, sentence = written(2000)
    categorizer = Categorizer()
    ids = categorizer.categorise(messages)
    assert len(set(ids.tolist())) == len(TEMPLATES)
    assert len(set(zip(ids.tolist(), sentence, strict=True))) == len(TEMPLATES)
    assert categorizer.total_stats() == {
        "categorized_doc_count": 2000,
        "total_category_count": 5,
        "frequent_category_count": 5,
        "rare_category_count": 0,
        "dead_category_count": 0,
        "failed_category_count": 0,
        "categorization_status": "ok",
    }


def test_a_definition_has_what_the_api_shows():
    categorizer = Categorizer(examples_limit=2)
    categorizer.categorise(["Node c shut down", "Node a shut down", "Node b shut down", "Node a shut down"])
    assert categorizer.changed() == [
        {
            "category_id": 1,
            "terms": "Node shut down",
            "regex": ".*?Node.+?shut.+?down.*",
            "max_matching_length": 17,
            "examples": ["Node a shut down", "Node c shut down"],
            "num_matches": 4,
        }
    ]


def test_only_changes_are_reported():
    categorizer = Categorizer()
    categorizer.categorise(["Node started", "Disk is full"])
    assert len(categorizer.changed()) == 2
    categorizer.categorise(["Node started"])
    assert categorizer.changed() == []
    assert [d["num_matches"] for d in categorizer.changed(with_counts=True)] == [2]
    assert categorizer.changed(with_counts=True) == []


def test_a_category_that_comes_to_swallow_another_is_preferred_to_it():
    categorizer = Categorizer()
    swallowing = ["connection failed xk", "connection failed xq 1111111111111111111111111111111111"]
    swallowed = "connection failed because zq zk zz"
    ids = categorizer.categorise([swallowing[0], swallowed, swallowing[1], swallowing[1]])
    assert ids.tolist() == [1, 2, 1, 1]
    first, second = categorizer.changed()
    assert first["preferred_to_categories"] == [2]
    assert "preferred_to_categories" not in second
    assert categorizer.stats()[0]["dead_category_count"] == 1


def test_partitions_have_their_own_categories_with_ids_of_one_sequence():
    categorizer = Categorizer(partition_field_name="app")
    ids = categorizer.categorise(["Node started"] * 3, ["a", "b", "a"])
    assert ids.tolist() == [1, 2, 1]
    first, second = categorizer.changed()
    assert list(first)[:3] == ["category_id", "partition_field_name", "partition_field_value"]
    assert (first["partition_field_value"], second["partition_field_value"]) == ("a", "b")
    assert [s["partition_field_value"] for s in categorizer.stats()] == ["a", "b"]


def test_a_partition_that_warns_stops_if_asked_to():
    noise = [f"{chr(97 + i % 26)}{chr(97 + i // 26)}zz" for i in range(200)]
    messages = noise + ["Node started"] * 200
    partitions = ["noise"] * 200 + ["good"] * 200
    stopping = Categorizer(partition_field_name="app", stop_on_warn=True)
    ids = stopping.categorise(messages, partitions)
    assert (ids[:100] > 0).all()
    assert (ids[100:200] == NO_CATEGORY).all()
    going_on = Categorizer(partition_field_name="app")
    assert (going_on.categorise(messages, partitions) > 0).all()
    assert {s["categorization_status"] for s in stopping.stats()} == {"warn"}


def test_the_status_warns_of_a_single_category():
    categorizer = Categorizer()
    categorizer.categorise(["Node started"] * 99)
    assert categorizer.total_stats()["categorization_status"] == "ok"
    categorizer.categorise(["Node started"])
    assert categorizer.total_stats()["categorization_status"] == "warn"


def test_without_room_known_messages_are_still_categorized():
    categorizer = Categorizer()
    categorizer.categorise(["Node started"])
    ids = categorizer.categorise(["Node started", "Disk is full"], room=0)
    assert ids.tolist() == [1, NO_CATEGORY]
    assert categorizer.stats()[0]["failed_category_count"] == 1


def test_messages_without_words_share_a_category():
    ids = Categorizer().categorise(["", "12 34", "Node started", "\n\n"])
    assert ids.tolist() == [1, 1, 2, 1]


def test_long_messages_are_cut_and_long_examples_end_in_dots():
    categorizer = Categorizer()
    categorizer.categorise(["Node started " + "x" * 2000])
    definition = categorizer.changed()[0]
    assert definition["max_matching_length"] == 1101
    assert len(definition["examples"][0]) == 1000
    assert definition["examples"][0].endswith("...")


def test_memory_stays_bounded_over_ever_new_messages():
    categorizer = Categorizer()
    sizes = []
    for batch in range(4):
        messages = [f"User u{batch}x{i} logged in from host{i}" for i in range(5000)]
        categorizer.categorise(messages)
        sizes.append(categorizer.nbytes)
    assert sizes[3] < 1.05 * sizes[1]
    assert categorizer.stats()[0]["total_category_count"] == 1


def test_a_categorizer_does_what_its_spec_says():
    spec = CategorizationSpec("message", None, (r"\[.*?\]",), "app", stop_on_warn=True, examples_limit=1)
    categorizer = Categorizer.from_spec(spec)
    assert categorizer.partition_field_name == "app"
    assert categorizer.stop_on_warn
    ids = categorizer.categorise(["[a b c d] Node started", "[x y z] Node started"], ["p", "p"])
    assert ids.tolist() == [1, 1]
    assert len(categorizer.changed()[0]["examples"]) == 1


def test_lone_surrogates_survive_the_state():
    categorizer = Categorizer()
    categorizer.categorise(["Node \ud800 started"])
    restored = Categorizer()
    restored.restore(categorizer.state())
    assert restored.changed()[0]["examples"] == ["Node \ud800 started"]


def test_words_are_known_in_their_forms():
    assert [word_class(word) for word in ["failed", "Retries", "stopping", "went"]] == [VERB] * 4
    assert [word_class(word) for word in ["password", "NODES", "policies"]] == [WORD] * 3
    assert [word_class(word) for word in ["sshd", "zq", "foo-bar"]] == [UNKNOWN] * 3


def test_english_in_a_row_weighs_more():
    assert token_weights(("zq", "connection", "failed", "because", "zq", "node")) == (1, 3, 6, 13, 1, 3)


def test_the_result_is_one_number_a_message():
    ids = Categorizer().categorise([])
    assert ids.dtype == np.int64
    assert ids.size == 0
