"""Fixtures of the tests of consents."""

import pytest

from tests.consents.clinic import Clinic, new_clinic
from tests.house.conftest import empty_folder
from tests.serving import Server

__all__ = ["empty_folder"]


@pytest.fixture
def clinic(server: Server) -> Clinic:
    return new_clinic(server)


@pytest.fixture
def other_clinic(server: Server) -> Clinic:
    return new_clinic(server, "Fern House")
