"""Fixtures of archives."""

from tests.hostile.conftest import connection, seed, state

__all__ = ["connection", "seed", "state"]
