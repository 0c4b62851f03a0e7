"""Overall buckets of many jobs: from the request to scores per interval. ``buckets`` is the way in.

What one job's results look like is in ``store.results``.
"""
