"""A fresh database for each test, used through a pool of one connection."""

import pytest

from app.settings import Settings
from tests.conftest import Databases


@pytest.fixture
def settings(databases: Databases, database: str) -> Settings:
    return Settings(
        database_url=databases.fresh(database), database_pool=1, pool_seconds=10, statement_seconds=10, docs=True
    )
