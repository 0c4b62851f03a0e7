"""What lives between requests: open jobs, their processes and their data on the way into the engine."""
