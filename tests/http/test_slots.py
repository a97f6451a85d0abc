"""Slots for expensive requests."""

import pytest

from app.problems import Unavailable
from app.server.slots import Slots


def test_a_slot_is_free_again_after_its_block() -> None:
    slots = Slots(1)
    with slots.take("Too many."):
        pass
    with pytest.raises(ZeroDivisionError), slots.take("Too many."):
        raise ZeroDivisionError

    with slots.take("Too many."):
        assert slots.taken == 1


def test_without_a_free_slot_the_request_is_refused_with_a_time_to_retry() -> None:
    slots = Slots(1)
    with slots.take("Too many."), pytest.raises(Unavailable) as refused, slots.take("Too many."):
        pass

    assert refused.value.detail == "Too many."
    assert refused.value.headers == {"Retry-After": "10"}
