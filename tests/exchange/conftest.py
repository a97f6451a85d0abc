"""Fixtures of the tests of the exchange with clinics."""

import pytest

from tests.consents.clinic import Clinic, new_clinic
from tests.exchange.replica import Replica
from tests.serving import Server


@pytest.fixture
def clinic(server: Server) -> Clinic:
    return new_clinic(server)


@pytest.fixture
def other_clinic(server: Server) -> Clinic:
    return new_clinic(server, "Fern House")


@pytest.fixture
def replica(clinic: Clinic) -> Replica:
    return Replica(clinic)
