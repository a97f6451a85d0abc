"""Fixtures of the tests of the FHIR facade."""

import pytest

from tests.consents.clinic import Clinic
from tests.consents.conftest import clinic, other_clinic
from tests.exchange.test_races import pair
from tests.fhir.facade import Facade, connect
from tests.hostile.chance import seed
from tests.serving import Person

__all__ = ["clinic", "other_clinic", "pair", "seed"]


@pytest.fixture
def facade(alice: Person, clinic: Clinic) -> Facade:
    """The clinic's client of the FHIR facade. Alice shares everything with the clinic."""
    return connect(alice, clinic)
