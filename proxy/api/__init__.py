"""The HTTP layer: the only part that speaks HTTP to callers.

A request's way: front (ours or the cluster's) -> dispatch -> access -> call (read and checked) -> handlers -> render.
"""
