"""Fixtures of the tests of the FHIR facade."""

import pytest

from tests.consents.clinic import Clinic, new_clinic
from tests.exchange.test_races import pair
from tests.fhir.facade import Facade, connect
from tests.hostile.chance import seed
from tests.serving import Person, Server

__all__ = ["pair", "seed"]


@pytest.fixture
def clinic(server: Server) -> Clinic:
    return new_clinic(server)


@pytest.fixture
def other_clinic(server: Server) -> Clinic:
    return new_clinic(server, "Fern House")


@pytest.fixture
def facade(alice: Person, clinic: Clinic) -> Facade:
    """The clinic's client of the FHIR facade. Alice shares everything with the clinic."""
    return connect(alice, clinic)
