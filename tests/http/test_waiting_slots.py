"""Waiting slots: when all are taken, an account with few gets one of the account with the most."""

from contextlib import ExitStack

from app.server.waiting_slots import Slot, WaitingSlots


def take(stack: ExitStack, slots: WaitingSlots, account: str, count: int = 1) -> list[Slot | None]:
    """Take slots until `stack` is closed."""
    return [stack.enter_context(slots.take(account, lambda: None)) for _ in range(count)]


def test_fifty_accounts_do_not_shut_out_the_next_one() -> None:
    slots = WaitingSlots(1000)
    with ExitStack() as stack:
        held = [take(stack, slots, f"account {number}", 20) for number in range(50)]
        own = take(stack, slots, "another", 19)
        assert all(own)
        assert take(stack, slots, "another") == [None]  # the others have 19 or 20
        ended = [sum(slot.is_ended for slot in each if slot is not None) for each in held]
        assert (sum(ended), max(ended)) == (19, 1)
        assert take(stack, slots, "account 0") == [None]
    assert slots.taken == 0
    with ExitStack() as stack:
        assert all(take(stack, slots, "another", 1000))


def test_the_oldest_wait_of_the_account_with_the_most_is_ended_and_woken() -> None:
    slots, woken = WaitingSlots(3), list[int]()
    with ExitStack() as stack:
        held = [stack.enter_context(slots.take("alice", lambda n=n: woken.append(n))) for n in range(3)]  # type: ignore[misc]
        assert take(stack, slots, "bob") != [None]
        assert (woken, [slot.is_ended for slot in held if slot is not None]) == ([0], [True, False, False])
        assert take(stack, slots, "bob") == [None]


def test_without_slots_nobody_gets_one() -> None:
    with ExitStack() as stack:
        assert take(stack, WaitingSlots(0), "alice") == [None]
