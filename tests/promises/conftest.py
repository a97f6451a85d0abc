"""Fixtures that run a test for every kind of record."""

import pytest

from app.records import Resource
from app.resources import RESOURCES


@pytest.fixture(params=RESOURCES, ids=lambda resource: resource.collection)
def resource(request: pytest.FixtureRequest) -> Resource:
    found: Resource = request.param
    return found


@pytest.fixture(
    params=[(resource, field) for resource in RESOURCES for field in resource.references],
    ids=lambda pair: f"{pair[0].collection}-{pair[1]}",
)
def reference(request: pytest.FixtureRequest) -> tuple[Resource, str]:
    """A kind of record, and one of its references; each test with this fixture runs for all references of all kinds."""
    resource, field = request.param
    return resource, field


@pytest.fixture
def path(resource: Resource) -> str:
    return resource.path
