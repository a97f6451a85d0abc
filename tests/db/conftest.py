"""A fresh database for each test, with deadlines that are short enough to wait for."""

import pytest

from app.settings import Settings
from tests.conftest import Databases


@pytest.fixture
def settings(databases: Databases, database: str) -> Settings:
    return Settings(
        database_url=databases.fresh(database), database_pool=1, pool_seconds=0.2, statement_seconds=0.5, docs=True
    )
