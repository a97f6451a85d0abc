"""Tests of jobs: work that happens after a request."""
