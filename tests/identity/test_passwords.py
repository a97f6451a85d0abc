"""Password hashes: any script is accepted, and hashing runs in threads without blocking the loop."""

import asyncio
import os

import pytest

from app.identity.passwords import UNKNOWN_HASH, Passwords, hashed_now
from app.ids import new_id
from app.problems import Unavailable
from app.settings import Settings
from tests.serving import Server
from tests.witness import Client

pytestmark = pytest.mark.usefixtures("real_password_hashes")


def test_a_check_without_a_hash_takes_as_long_as_one_with_a_hash() -> None:
    def costs(password_hash: str) -> list[str]:
        return password_hash.split("$")[:4]

    assert costs(UNKNOWN_HASH) == costs(hashed_now("wisteria"))


@pytest.mark.parametrize(
    ("password", "near"),
    [
        (" wisteria ", "wisteria"),
        ("密码是紫藤花的香味", "密码是紫藤花的香味 "),
        ("".join(map(chr, range(0x1F300, 0x1F400))), "".join(map(chr, range(0x1F300, 0x1F3FF)))),
    ],
    ids=["blanks", "Chinese", "256 symbols"],
)
def test_a_password_in_any_script_is_compared_exactly(server: Server, anyone: Client, password: str, near: str) -> None:
    email = f"blossom.{new_id().hex}@example.com"
    anyone.post("/v1/auth/register", json={"email": email, "password": password})
    code = server.mailbox.code_to(email)
    assert anyone.post("/v1/auth/verify", json={"email": email, "code": code}).status_code == 200
    logins = [anyone.post("/v1/auth/login", json={"email": email, "password": given}) for given in (password, near)]
    assert [response.status_code for response in logins] == [200, 401]


@pytest.mark.parametrize("password", ["", "1234567", "w" * 257, "wisteria\0", None, 12345678, ["wisteria"]])
def test_an_invalid_password_is_refused(anyone: Client, password: object) -> None:
    body = {"email": f"wisteria.{new_id().hex}@example.com", "password": password}
    response = anyone.post("/v1/auth/register", json=body)
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/password"]


def test_a_hash_is_salted_argon2id_and_matches_its_password() -> None:
    first, second = hashed_now("wisteria"), hashed_now("wisteria")
    assert first != second
    assert first.startswith("$argon2id$")

    async def answers() -> list[bool]:
        passwords = Passwords(Settings(hash_threads=1))
        tries = [("wisteria", first), ("Wisteria", first), ("wisteria", None), ("nobody's password", None)]
        return [await passwords.verify(password, password_hash) for password, password_hash in tries]

    assert asyncio.run(answers()) == [True, False, False, False]


@pytest.mark.parametrize(("cores", "workers", "each"), [(8, 1, 8), (8, 3, 2), (2, 2, 1), (2, 4, 1), (None, 1, 1)])
def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int, each: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert Settings().hashes_at_once(workers) == each
    assert Settings(hash_threads=5).hashes_at_once(workers) == 5


def test_a_request_that_waits_too_long_for_a_thread_is_refused() -> None:
    async def many() -> list[str | BaseException]:
        passwords = Passwords(Settings(hash_threads=1, hash_seconds=0.01))
        return await asyncio.gather(*(passwords.hashed("wisteria") for _ in range(3)), return_exceptions=True)

    first, *others = asyncio.run(many())
    assert isinstance(first, str)
    assert all(isinstance(each, Unavailable) for each in others)
