"""Benchmarks: each figure beside a named peer or a stated budget; see README.md."""
