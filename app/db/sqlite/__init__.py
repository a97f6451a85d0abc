"""SQLite through the standard library: one connection that reads, one that writes, and group commit."""
