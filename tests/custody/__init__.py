"""Custody: sealing, keys, and what becomes of a person's words."""
