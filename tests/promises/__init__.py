"""Promises: behaviour that every kind of record has; each test runs for every kind."""
