"""Syncing: what the specification says, and the proof that nothing is lost."""
