"""The one way in which a local cluster cannot be had; the command line shows its text."""


class ClusterProblem(Exception):
    """One sentence on what is missing, and what to do about it."""
