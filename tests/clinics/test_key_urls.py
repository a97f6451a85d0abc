"""Keys at a URL: fetched when they are needed, kept for `max-age`, and replaced when the clinic replaces them."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import time_machine

from app.clinics.administration import KeySource
from app.clinics.key_urls import KeyUrls
from app.outbound import Outbound
from tests.clinics.clients import Assertions, add_client, request_token
from tests.clinics.keys import PrivateKey, ec_key, key_set, private_jwk, public_jwk, rsa_key
from tests.outbound.bad_urls import BAD_URLS
from tests.outbound.receiver import Receiver, document, receiving
from tests.parallel import at_once
from tests.serving import Server
from tests.waiting import later

EC, OTHER = ec_key(), ec_key(number=7)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        publish(receiver, EC, kid="ec")
        yield receiver


@pytest.fixture
def assertions(server: Server, receiver: Receiver) -> Assertions:
    """A client whose keys are at the receiver."""
    return Assertions(server.url, add_client(server, KeySource(None, url_of(receiver))))


def url_of(receiver: Receiver, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{receiver.port}/keys"


def publish(receiver: Receiver, *keys: PrivateKey, kid: str, max_age: str = "max-age=100") -> None:
    receiver.reply = [document(key_set(*(public_jwk(key, kid) for key in keys)), f"Cache-Control: public, {max_age}")]


def statuses(server: Server, *sent: str) -> list[int]:
    return [request_token(server, assertion).status_code for assertion in sent]


def test_the_keys_at_a_url_are_fetched_once_and_used(
    server: Server, receiver: Receiver, assertions: Assertions
) -> None:
    assert statuses(server, *(assertions.valid() for _ in range(3))) == [200, 200, 200]
    assert statuses(server, assertions.headed(jku=url_of(receiver))) == [200]
    assert receiver.connections == 1


@pytest.mark.parametrize("jku", [None, "", "http://127.0.0.1/keys", ["a"]], ids=["null", "empty", "other", "list"])
def test_another_jku_is_refused_without_a_request(
    server: Server, receiver: Receiver, assertions: Assertions, jku: object
) -> None:
    assert statuses(server, assertions.headed(jku=jku)) == [401]
    assert receiver.connections == 0


def test_keys_are_fetched_again_after_max_age(server: Server, receiver: Receiver, assertions: Assertions) -> None:
    assert statuses(server, assertions.valid()) == [200]
    publish(receiver, OTHER, kid="ec")
    assert statuses(server, assertions.valid(), assertions.signed(key=OTHER)) == [200, 401]
    with later(seconds=101):
        assert statuses(server, assertions.valid(), assertions.signed(key=OTHER)) == [401, 200]
    assert receiver.connections == 2


def test_a_new_key_is_accepted_at_once_and_an_unknown_one_fetched_once_a_minute(
    server: Server, receiver: Receiver, assertions: Assertions
) -> None:
    def new(kid: str) -> str:
        return assertions.signed(header={"alg": "ES384", "kid": kid}, key=OTHER)

    assert statuses(server, assertions.valid()) == [200]
    publish(receiver, OTHER, kid="new")
    assert statuses(server, new("new"), new("new"), assertions.valid()) == [200, 200, 401]
    assert statuses(server, *(new(f"unknown {number}") for number in range(5))) == [401] * 5
    assert receiver.connections == 2
    with later(seconds=61):
        assert statuses(server, new("unknown"), new("unknown again"), new("new")) == [401, 401, 200]
        assert receiver.connections == 3


def test_keys_are_not_used_longer_than_max_age_if_the_url_fails(
    server: Server, receiver: Receiver, assertions: Assertions
) -> None:
    assert statuses(server, assertions.valid()) == [200]
    receiver.reply = [document(b"", status="500 Error")]
    assert statuses(server, assertions.headed(kid="unknown"), assertions.valid()) == [401, 200]
    assert receiver.connections == 2
    with later(seconds=101):
        assert statuses(server, assertions.valid(), assertions.valid()) == [401, 401]
        assert receiver.connections == 3
        publish(receiver, EC, kid="ec")
    with later(seconds=107):
        assert statuses(server, assertions.valid()) == [200]


UNUSABLE = {
    "no JSON": [document(b"wisteria")],
    "a list": [document(b"[]")],
    "no keys": [document(b"{}")],
    "an empty set": [document(key_set())],
    "a redirect": [document(b"", "Location: https://127.0.0.1/", status="302 Found")],
    "over 64 KiB": [document(key_set(public_jwk(EC, "ec")) + b" " * 65_536)],
    "nothing": [],
    "a private key": [document(key_set(private_jwk(EC, "ec")))],
    "a key for encryption": [document(key_set(public_jwk(EC, "ec", use="enc")))],
    "a key of another algorithm": [document(key_set(public_jwk(EC, "ec", alg="ES256")))],
    "two keys of one kid": [document(key_set(public_jwk(EC, "ec"), public_jwk(OTHER, "ec")))],
    "a key after 20 others": [document(key_set(*[public_jwk(OTHER, "w")] * 20, public_jwk(EC, "ec")))],
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_usable_key_authenticates_nobody(
    server: Server, receiver: Receiver, assertions: Assertions, case: str, every_log_line: list[str]
) -> None:
    receiver.reply = UNUSABLE[case]
    known = Assertions(server.url, add_client(server))
    refused, usual = request_token(server, assertions.valid()), request_token(server, known.headed(kid="unknown"))
    assert (refused.status_code, refused.content) == (401, usual.content)
    assert receiver.connections == 1
    assert not [line for line in every_log_line if url_of(receiver) in line]


def test_usable_keys_are_found_among_others(server: Server, receiver: Receiver, assertions: Assertions) -> None:
    keys = [{"kty": "oct"}, private_jwk(OTHER, "ec"), public_jwk(rsa_key(), "rsa"), public_jwk(EC, "ec", x5c=["MII"])]
    receiver.reply = [document(key_set(*keys))]
    assert statuses(server, assertions.valid(), assertions.by(rsa_key(), "RS384", "rsa")) == [200, 200]


def test_requests_at_the_same_time_wait_for_one_response(
    server: Server, receiver: Receiver, assertions: Assertions
) -> None:
    receiver.pause = 0.3
    assert at_once(lambda _: statuses(server, assertions.valid())) == [[200]] * 8
    assert receiver.connections == 1


@pytest.mark.parametrize("url", ["https://127.0.0.1:{}/", "https://localhost:{}/", "https://[::ffff:7f00:1]:{}/"])
def test_a_url_within_the_servers_network_is_never_requested(server: Server, receiver: Receiver, url: str) -> None:
    assertions = Assertions(server.url, add_client(server, KeySource(None, url.format(receiver.port))))
    assert statuses(server, assertions.valid()) == [401]
    assert receiver.connections == 0


@pytest.mark.parametrize("case", [case for case, url in BAD_URLS.items() if "\0" not in url])
def test_keys_at_a_bad_url_are_not_requested(server: Server, case: str, every_log_line: list[str]) -> None:
    begin = len(every_log_line)
    assertions = Assertions(server.url, add_client(server, KeySource(None, BAD_URLS[case])))
    assert statuses(server, assertions.valid()) == [401]
    (line,) = [line for line in every_log_line[begin:] if '"keys-not-fetched"' in line]
    assert "does not accept connections" not in line


AGES = {
    "absent": ("public", 300),
    "empty": ("", 300),
    "of a minute": ("max-age=60", 60),
    "quoted": ('max-age="60"', 60),
    "in capitals": ("MAX-AGE=60", 60),
    "among others": ("public, max-age=60, must-revalidate", 60),
    "twice": ("max-age=90, max-age=60", 60),
    "zero": ("max-age=0", 1),
    "a day": ("max-age=86400", 3600),
    "no number": ("max-age=soon", 300),
    "negative": ("max-age=-1", 300),
    "for shared caches": ("s-maxage=60", 300),
    "a huge number": ("max-age=" + "9" * 5000, 300),
}


@pytest.mark.parametrize("case", AGES)
def test_how_long_keys_are_kept(receiver: Receiver, case: str) -> None:
    directives, seconds = AGES[case]
    receiver.reply = [document(key_set(public_jwk(EC, "ec")), f"Cache-Control: {directives}")]
    urls = KeyUrls(Outbound(allow_loopback=True))

    begun = time.time()

    async def fetched(at: float) -> int:
        with time_machine.travel(begun + at, tick=False):
            assert await urls.find(url_of(receiver), "ec")
        return receiver.connections

    async def scenario() -> list[int]:
        return [await fetched(at) for at in (0, seconds - 0.5, seconds + 0.5)]

    assert asyncio.run(scenario()) == [1, 1, 2]


def test_a_cancelled_request_does_not_cancel_the_fetch_of_others(receiver: Receiver) -> None:
    receiver.pause = 0.2
    urls = KeyUrls(Outbound(allow_loopback=True))

    async def scenario() -> int:
        first, second = (asyncio.create_task(urls.find(url_of(receiver), "ec")) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        return len(await second)

    begun = time.monotonic()
    assert asyncio.run(scenario()) == 1
    assert receiver.connections == 1
    assert time.monotonic() - begun < 5
