"""The documents that a job writes about what it found: their ids, shapes, searches, pages, reading and writing.

Overall buckets, which are computed from many jobs' documents and stored nowhere, are in ``store.overall``.
"""
