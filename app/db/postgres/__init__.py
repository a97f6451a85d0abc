"""PostgreSQL through asyncpg: a connection pool, transactions, coalesced statements, and LISTEN/NOTIFY."""
