"""Valid requests with one fault outside the body: each operation refuses them and changes nothing."""

import pytest

from app.server import limits
from tests.hostile.conftest import State
from tests.hostile.operations import COUNTED, OPERATIONS, Operation
from tests.hostile.raw import Header, RawConnection, RawResponse, request_bytes
from tests.serving import Person

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
WRONG_CREDENTIALS = {
    *("verify", "login", "refresh_tokens", "change_password", "reset_password"),
    *("request_email_change", "confirm_email_change", "close_account", "reopen_account"),
    *("sign_in_with_second_factor", "set_up_at_sign_in", "set_up_second_factor"),
    *("confirm_second_factor", "remove_second_factor"),
}
"""The documented bodies of these operations have invented credentials, and each attempt is counted."""

READING = {"search_records"}
"""Operations that only read, though their method is POST."""


def ask(
    connection: RawConnection, person: Person, operation: Operation, target: str, body: bytes | None, *headers: Header
) -> RawResponse:
    connection.close()
    return connection.request(operation.method, target, [*operation.headers(person), *headers], body)


def valid_request(operation: Operation, person: Person) -> tuple[str, bytes | None]:
    """Return the target and the body of a valid request."""
    return operation.target(person), operation.right_content(person)


@every_operation
def test_a_valid_request_is_accepted_and_the_fingerprint_shows_what_it_changes(
    connection: RawConnection, alice: Person, state: State, operation: Operation
) -> None:
    target, body = valid_request(operation, alice)
    before = state()
    reply = ask(connection, alice, operation, target, body)
    name = operation.content["operationId"]
    if name in WRONG_CREDENTIALS:
        assert (reply.status, reply.problem["code"]) == (401, "wrong-credentials")
    elif name == "request_client_token":
        assert (reply.status, reply.code) == (401, "invalid_client")
    elif name == "end_device":
        assert reply.status == 404
    else:
        assert reply.status < 300
    changed = {table for table, rows in state().items() if rows != before[table]}
    if name in COUNTED:
        assert changed == COUNTED[name]
    else:
        assert (not changed) == (operation.method == "GET" or name in READING or reply.status == 404)


@every_operation
def test_ambiguous_headers_are_400_and_too_many_or_too_large_ones_431(
    connection: RawConnection, alice: Person, state: State, operation: Operation
) -> None:
    target, body = valid_request(operation, alice)
    before = state()
    length = str(len(body or b"{}"))
    chunked = ("Transfer-Encoding", "chunked")
    for ambiguous in (
        [("Host", "afterglow")],
        [("host", "elsewhere")],
        [("X-Folded", "a\r\n b")],
        [chunked] if body else [("Content-Length", length), chunked],
        [chunked, ("Content-Length", length)],
        [("Content-Length", length), ("Content-Length", f"{length}0")],
        [("Transfer-Encoding", "gzip"), ("Content-Length", length)],
    ):
        reply = ask(connection, alice, operation, target, body, *ambiguous)
        assert (reply.status, reply.problem["code"]) == (400, "malformed-request"), ambiguous
    for large in (
        [(f"X-{n}", "wisteria") for n in range(limits.MAX_HEADERS)],
        [("X-Long", "w" * limits.MAX_HEADER_BYTES)],
    ):
        reply = ask(connection, alice, operation, target, body, *large)
        assert (reply.status, reply.problem["code"]) == (431, "headers-too-large"), large[0][0]
    assert state() == before


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.content["security"]], ids=str)
def test_a_token_is_accepted_only_as_a_single_bearer_token_in_authorization(
    connection: RawConnection, alice: Person, bob: Person, state: State, operation: Operation
) -> None:
    target, body = valid_request(operation, alice)
    before = state()
    headers = [each for each in operation.headers(alice) if each[0] != "Authorization"]
    for wrong in (
        [("Authorization", f"Bearer {person.token}") for person in (alice, bob)],
        [("Authorization", f"Bearer {alice.token}")] * 2,
        [("Authorization", f"Basic {alice.token}")],
        [("Authorization", alice.token)],
        [("Authorization", f"Bearer  {alice.token}")],
        [("Cookie", f"access_token={alice.token}; Authorization=Bearer {alice.token}")],
        [("Proxy-Authorization", f"Bearer {alice.token}")],
        [("X-Authorization", f"Bearer {alice.token}")],
        [],
    ):
        reply = connection.send(request_bytes(operation.method, target, [*headers, *wrong], body))
        assert (reply.status, reply.problem["code"]) == (401, "not-signed-in"), wrong
    reply = connection.request(operation.method, f"{target}?access_token={alice.token}", headers, body)
    assert reply.status == 401
    assert state() == before
