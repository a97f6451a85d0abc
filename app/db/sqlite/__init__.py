"""SQLite through the standard library: a reading connection, a writing connection, and group commit."""
