"""The door to the two databases."""
