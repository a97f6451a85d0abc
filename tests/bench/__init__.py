"""Benchmarks of this API and of other frameworks in one run; see `README.md`."""
