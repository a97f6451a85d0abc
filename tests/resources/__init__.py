"""Behaviour that only one kind of record has."""
