"""Datafeeds between requests. The plan (``plan``, ``begin``, ``after``) is pure: no clock, no client, no loop."""
