"""Who is to blame, one influencer value after the other: the slow twin of influence.py."""

from __future__ import annotations

import math

from tests.engine.naive_aggregate import naive_feature

KEPT_FROM = 0.4
ADDITIVE = ("count", "sum")
OF_TEXT = ("distinct_count", "info_content")


def limited(share):
    return min(1.0, max(0.0, share))


def naive_influences(feature, field, fields, own, rows, members, weights, actual, tail_ln, is_multi_bucket):
    """field -> value -> strength; rows are columns as lists, None = missing."""
    out = {}
    for name in fields:
        if name in own:
            out[name] = {own[name]: 1.0}
            continue
        there = {rows[name][i] for i in members}
        named = sorted(value for value in there if value is not None)
        if len(there) == 1 and named:
            out[name] = {named[0]: 1.0}
            continue
        strengths = {
            value: strength(feature, field, name, value, rows, members, weights, actual, tail_ln, is_multi_bucket)
            for value in named
        }
        kept = {value: s for value, s in strengths.items() if s >= KEPT_FROM}
        if kept:
            out[name] = dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))
    return out


def strength(feature, field, name, value, rows, members, weights, actual, tail_ln, is_multi_bucket):
    mine = [i for i in members if rows[name][i] == value]
    others = [i for i in members if rows[name][i] != value]
    weight = [1.0] * len(rows["time"]) if weights is None else weights
    all_weight = sum(weight[i] for i in members)
    part = {i: rows[field][i] if feature == "sum" else weight[i] for i in members}
    ln_all = min(tail_ln(actual, 1.0), -1e-9)
    if is_multi_bucket:
        return limited(abs(sum(part[i] for i in mine)) / max(sum(abs(part[i]) for i in members), 1e-300))
    if feature in ADDITIVE:
        return limited(1.0 - tail_ln(actual - sum(part[i] for i in mine), 1.0) / ln_all)
    if feature in ("mean", "varp"):
        scale = math.sqrt(all_weight / sum(weight[i] for i in others))
        rest = naive_feature(feature, rows, field, others, weights)
        return limited(1.0 - tail_ln(rest, scale) / ln_all)
    if feature in OF_TEXT and tail_ln(0.0, 1.0) <= ln_all:
        return 0.0
    scale = math.sqrt(all_weight / sum(weight[i] for i in mine)) if feature == "median" else 1.0
    return limited(tail_ln(naive_feature(feature, rows, field, mine, weights), scale) / ln_all)
