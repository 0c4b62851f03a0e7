"""Which of several proxies before one cluster leads: holds the jobs, the datafeeds, the alert rules and the upkeep.

``lease_rule`` decides, ``leadership`` performs; what the lease is in the cluster is ``store.lease``'s matter, how the
writes of a former leader are refused ``store.fence``'s.
"""
