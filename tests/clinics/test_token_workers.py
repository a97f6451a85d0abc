"""Two servers on one database: an assertion is used once, and limits and ends hold for both together."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.clinics.clients import Assertions, add_client, end_client, form
from tests.conftest import Servers
from tests.parallel import at_once
from tests.serving import Server

Pair = tuple[Server, Server]


@pytest.fixture
def pair(servers: Servers, database: str) -> Iterator[Pair]:
    first = servers.start(servers.settings(database, throttle_tokens=10))
    changes = {"database_url": str(first.settings.database_url), "throttle_tokens": 10}
    second = servers.start(servers.settings(database, **changes))
    yield first, second
    for server in (first, second):
        server.end_test()


def requested(server: Server, assertion: str) -> int:
    return server.client().post("/oauth/token", data=form(assertion)).status_code


def test_an_assertion_that_one_server_accepted_is_a_replay_at_the_other(pair: Pair) -> None:
    issuer = pair[0].settings.issuer
    assertions = Assertions(pair[0].url, add_client(pair[0]))
    for first, second in (pair, pair[::-1]):
        assertion = assertions.valid(aud=issuer)
        assert [requested(each, assertion) for each in (first, second, first)] == [200, 401, 401]


@pytest.mark.parametrize("attempt", range(3))
def test_of_simultaneous_requests_with_one_assertion_one_gets_a_token(pair: Pair, attempt: int) -> None:
    assertions = Assertions(pair[0].url, add_client(pair[0]))
    assertion = assertions.valid(aud=pair[0].settings.issuer, jti=f"wisteria {attempt}")
    assert Counter(at_once(lambda number: requested(pair[number % 2], assertion), 12)) == {200: 1, 401: 11}


def test_a_client_gets_no_more_tokens_than_the_limit_from_both_together(pair: Pair) -> None:
    assertions = Assertions(pair[0].url, add_client(pair[0]))
    issuer = pair[0].settings.issuer
    seen = at_once(lambda number: requested(pair[number % 2], assertions.valid(aud=issuer)), 16)
    assert Counter(seen) == {200: 10, 429: 6}


def test_a_client_that_ends_is_refused_by_both_at_once(pair: Pair) -> None:
    client = add_client(pair[0])
    assertions = Assertions(pair[0].url, client)
    granted = pair[0].anyone.post("/oauth/token", data=form(assertions.valid())).json()["access_token"]
    assert [each.client(granted).get("/v1/me").status_code for each in pair] == [403, 403]
    end_client(pair[1], client)
    for server in pair:
        assert server.client(granted).get("/v1/me").status_code == 401
        assert requested(server, assertions.valid(aud=server.settings.issuer)) == 401
