"""One function per operation, named as the operation: what it decides, and nothing of how HTTP carries it."""
