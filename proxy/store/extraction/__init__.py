"""Reading a datafeed's source indices: what to ask for, how to page through it, and the answers as plain lists.

``source`` says what is read, ``opening`` finds out how and makes extractions of it, ``documents`` and ``aggregated``
are the two kinds of extraction. When to read which range is not decided here, and the engine's columns are made
elsewhere, in ``runtime.extraction``.
"""
