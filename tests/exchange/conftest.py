"""Fixtures of the tests of the exchange with clinics."""

import pytest

from tests.consents.clinic import Clinic
from tests.consents.conftest import clinic, other_clinic
from tests.exchange.replica import Replica

__all__ = ["clinic", "other_clinic"]


@pytest.fixture
def replica(clinic: Clinic) -> Replica:
    return Replica(clinic)
