"""Alice's phone, and her tablet."""

import pytest

from tests.serving import Person
from tests.sync.phone import Phone


@pytest.fixture
def phone(alice: Person) -> Phone:
    return Phone(alice)
