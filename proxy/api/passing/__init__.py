"""What goes through to the cluster and back untouched. ``api.front`` decides what that is.

The calls that are answered here instead come in through ``api.dispatch``.
"""
