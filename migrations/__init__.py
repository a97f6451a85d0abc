"""The schema's history, one numbered step at a time."""
