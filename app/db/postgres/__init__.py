"""PostgreSQL through asyncpg: a pool of connections, transactions, coalesced statements, LISTEN/NOTIFY."""
