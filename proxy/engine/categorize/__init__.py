"""Categorization of messages: the words stay, the variable parts vary.

    Categorizer(analyzer=None, *, filters=(), partition_field_name=None, stop_on_warn=False, examples_limit=4)
    Categorizer.from_spec(spec)
    .categorise(messages, partitions=None, *, room=inf) -> int64[n]
        category ids from 1 on, unique over partitions; -1 where none was found (new ones may take
        `room` bytes) or the partition has stopped. partitions: one value per message, used only with a
        partition_field_name. Messages are taken one after the other, so any chunking gives the same ids.
    .changed(with_counts=False) -> category_definition dicts (API keys without job_id and result_type)
    .stats() -> one dict of categorizer_stats counts per partition;  .total_stats() -> their sums
    .state() -> {"categorizer": uint8[...]};  .restore(state);  .nbytes

How a message becomes tokens: analyzer.py; what tokens weigh: words.py, similarity.py; which category takes them:
matching.py; what a category knows of its members: category.py. A token sequence seen before stays in its
category, whatever else has been learnt since.
"""

from proxy.engine.categorize.categorizer import NO_CATEGORY, Categorizer

__all__ = ["NO_CATEGORY", "Categorizer"]
