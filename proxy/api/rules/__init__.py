"""What a body must satisfy beyond its schema: one function per rule, grouped by the part of the body.

A rule gets a document that its schema accepted and yields a ``Breach`` for what is wrong; the tables at the end of
each module give the order in which Elasticsearch looks. Only ``breach.check`` raises.
"""
