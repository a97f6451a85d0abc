"""Tests of the docs pages, in a browser."""
