"""Waiting networks get the slots for password hashes in turn."""

import asyncio
from collections.abc import Iterator

import pytest

from app.identity.hash_slots import HashSlots
from tests.conftest import Servers
from tests.parallel import at_once
from tests.serving import PASSWORD, Server


def served(order: list[str], free: int = 1) -> list[str]:
    """Return the order in which waiters of networks get a slot, each for one turn of the loop."""
    got: list[str] = []

    async def main() -> None:
        slots = HashSlots(free)

        async def work(name: str) -> None:
            await slots.acquire(name[0])
            got.append(name)
            await asyncio.sleep(0)
            slots.release()

        await asyncio.gather(*map(work, order))

    asyncio.run(main())
    return got


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["a1", "a2", "a3", "b1"], ["a1", "a2", "b1", "a3"]),
        (["a1", "a2", "a3", "b1", "b2", "c1"], ["a1", "a2", "b1", "c1", "a3", "b2"]),
        (["a1"], ["a1"]),
    ],
    ids=["two networks", "three networks", "one"],
)
def test_each_network_gets_a_slot_in_turn(order: list[str], expected: list[str]) -> None:
    assert served(order) == expected


def test_waiters_that_give_up_lose_no_slot() -> None:
    async def main() -> None:
        slots = HashSlots(1)
        await slots.acquire("a")
        waiters = [asyncio.create_task(slots.acquire("a")) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        await asyncio.sleep(0)
        slots.release()  # to the second waiter
        waiters[1].cancel()  # at the same moment
        await asyncio.wait(waiters)
        assert [waiter.cancelled() for waiter in waiters] == [True, True, False]
        slots.release()
        async with asyncio.timeout(1):
            await slots.acquire("b")

    asyncio.run(main())


@pytest.fixture
def server(servers: Servers) -> Iterator[Server]:
    server = servers.shared("sqlite", hash_threads=1)
    yield server
    server.end_test()


@pytest.mark.usefixtures("real_password_hashes")
def test_registrations_of_one_network_do_not_delay_a_sign_in_of_another(server: Server) -> None:
    alice = server.person("alice")
    finished: list[int] = []

    def act(number: int) -> int:
        client = server.client(address="127.0.0.1" if number else "127.9.9.9")
        body = {"email": alice.email if not number else f"wisteria.{number}@example.com", "password": PASSWORD}
        status = client.post("/v1/auth/register" if number else "/v1/auth/login", json=body).status_code
        finished.append(number)
        return status

    assert at_once(act, 30) == [200] + [202] * 29
    assert finished.index(0) < 15
