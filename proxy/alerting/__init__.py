"""Alert rules: what in the results of jobs is worth telling somebody, and telling it.

A rule is judged when a bucket of one of its jobs becomes final; what follows for its alerts is pure (``matching``,
``episodes``). Alerts are documents in Kibana's form, messages about them wait in an outbox until they are sent
(``delivery``). Requests come from ``api.handlers``.
"""
