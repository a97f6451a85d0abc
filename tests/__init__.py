"""The tests: every promise once."""
