"""Benchmarks; `make bench-engine` runs those of the detection engine."""
