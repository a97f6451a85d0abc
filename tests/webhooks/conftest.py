"""Fixtures of the tests of webhooks."""

from collections.abc import Iterator

import pytest

from tests.consents.clinic import Clinic, new_clinic
from tests.serving import Server
from tests.webhooks.receiver import Hook, hooking


@pytest.fixture
def clinic(server: Server) -> Clinic:
    return new_clinic(server)


@pytest.fixture
def other_clinic(server: Server) -> Clinic:
    return new_clinic(server, "Fern House")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hooking() as hook:
        yield hook


@pytest.fixture
def other_hook() -> Iterator[Hook]:
    with hooking() as hook:
        yield hook
