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
        if feature in (*ADDITIVE, "mean") and not is_multi_bucket:
            share_out(strengths, feature, field, name, rows, members, weights, actual, tail_ln)
        kept = {value: s for value, s in strengths.items() if s >= KEPT_FROM}
        if kept:
            out[name] = dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))
    return out


def share_out(strengths, feature, field, name, rows, members, weights, actual, tail_ln):
    """Two to five values with at least 0.7 of the largest part have no less than what they have together."""
    weight = [1.0] * len(rows["time"]) if weights is None else weights

    def without(values):
        """(value of everybody else's rows, factor of its spread)."""
        others = [i for i in members if rows[name][i] not in values]
        if feature in ADDITIVE:
            gone = sum((rows[field][i] if feature == "sum" else weight[i]) for i in members if i not in others)
            return actual - gone, 1.0
        mass = max(sum(weight[i] for i in others), 1e-300)
        mean = sum(weight[i] * rows[field][i] for i in others) / mass
        return mean, math.sqrt(sum(weight[i] for i in members) / mass)

    parts = {value: actual - without([value])[0] for value in strengths}
    if feature == "mean" and parts:
        parts = {v: x * sum(weight[i] for i in members if rows[name][i] == v) for v, x in parts.items()}
        largest = max(parts, key=lambda v: abs(parts[v]))
        parts = {v: math.copysign(x, x * parts[largest]) for v, x in parts.items()}
    those = [v for v, x in parts.items() if x > 0 and x >= 0.7 * max(parts.values())]
    if 2 <= len(those) <= 5:
        rest, scale = without(those)
        if tail_ln(0.5 * (actual + rest), 1.0) <= math.log(0.2):
            joint = limited(1.0 - tail_ln(rest, scale) / min(tail_ln(actual, 1.0), -1e-9))
            strengths.update({v: max(strengths[v], joint) for v in those})


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
