"""Fixtures that run a test for every kind of record."""

import pytest

from app.records import Resource
from app.resources import RESOURCES


@pytest.fixture(params=RESOURCES, ids=lambda resource: resource.collection)
def resource(request: pytest.FixtureRequest) -> Resource:
    found: Resource = request.param
    return found


@pytest.fixture
def path(resource: Resource) -> str:
    return resource.path
