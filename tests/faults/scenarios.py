"""The nineteen scenarios of failure and attack: what happens, and what must come of it.

A test shows a part of one by the mark ``scenario(number)``; ``table`` prints what came of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    title: str
    expected: str


SCENARIOS = {
    1: Scenario(
        "Elasticsearch is killed within a bulk of results and started again",
        "each item is sent again, every bucket is there once, the job stays opened",
    ),
    2: Scenario(
        "Elasticsearch answers 429 or 503 per item",
        "a bounded queue, then _data is refused with 429 before its body is read; nothing is lost",
    ),
    3: Scenario(
        "Elasticsearch is down for ten minutes",
        "503 soon, jobs go on once it is back; where only the leader is cut off, another one leads",
    ),
    4: Scenario(
        "the proxy is killed while it takes in data",
        "taken up by the next start, or by another proxy within 15 s; all ends as if undisturbed",
    ),
    5: Scenario(
        "the proxy is stopped for long and then goes on",
        "another one leads, and the cluster refuses all that it still writes; alone it goes on as if undisturbed",
    ),
    6: Scenario(
        "many open, close, delete and reset one job at once",
        "one wins, the others are told 409, no half-made job is left",
    ),
    7: Scenario(
        "the clock is wrong by an hour, or jumps",
        "only shown times differ; the lease does not notice",
    ),
    8: Scenario(
        "the disk is full, or an index is read-only",
        "it is told, tried again at least each minute, and recovers without a restart",
    ),
    9: Scenario(
        "an index or alias is deleted under an open job",
        "made anew with its mapping and told, or the job ends with the reason",
    ),
    10: Scenario(
        "two thousand slow senders and readers",
        "file descriptors and memory stay bounded, others are served",
    ),
    11: Scenario(
        "requests whose ends servers see in different places",
        "refused, with the connection closed, and never forwarded",
    ),
    12: Scenario(
        "an answer comes while the body is under way",
        "both connections are closed, the next request is answered rightly",
    ),
    13: Scenario(
        "a gzip bomb, a body too large, JSON too deep, a hundred thousand fields",
        "413 or 400, memory grows by less than 200 MB, others are served meanwhile",
    ),
    14: Scenario(
        "ids of jobs that are none",
        "400 or 404 as by Elasticsearch, before any name of an index is made of them",
    ),
    15: Scenario(
        "the client leaves within an answer, or within its data",
        "the search is cancelled in the cluster; of the data nothing is taken",
    ),
    16: Scenario(
        "the cluster has closed a pooled connection",
        "no 5xx for what only reads",
    ),
    17: Scenario(
        "the credential of a datafeed is revoked while it runs",
        "a notification, and a stop after so many tries",
    ),
    18: Scenario(
        "a model computes",
        "what passes through is answered as quickly as before",
    ),
    19: Scenario(
        "Connection: close, Authorization",
        "hop-by-hop and nominated headers stay behind, but never those that say who calls",
    ),
}
