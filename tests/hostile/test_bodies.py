"""Bodies that are not JSON, no object, of another media type, or too large: each operation rejects them."""

import json

import pytest

from tests.hostile.conftest import State
from tests.hostile.operations import OPERATIONS, WITH_BODY, Operation
from tests.hostile.raw import RawConnection, chunked_request_bytes, request_bytes
from tests.serving import Person

NOT_JSON = {
    "nothing": b"",
    "truncated": b'{"wisteria": ',
    "truncated text": b'{"wisteria": "wis',
    "truncated escape": rb'{"wisteria": "\u12"}',
    "trailing comma": b'{"wisteria": 1,}',
    "two texts": b"{} {}",
    "single quotes": b"{'wisteria': 1}",
    "comment": b"{/* wisteria */}",
    "control character": b'{"wisteria": "\n"}',
    "NUL between": b"{\0}",
    "leading zero": b'{"wisteria": 01}',
    "plus sign": b'{"wisteria": +1}',
    "invalid UTF-8": b'{"wisteria": "\xff"}',
    "overlong UTF-8": b'{"wisteria": "\xc0\x80"}',
    "encoded surrogate": b'{"wisteria": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"wisteria": "\xf4\x90\x80\x80"}',
    "Latin-1": '{"wisteria": "é"}'.encode("latin-1"),
    "byte order mark": b"\xef\xbb\xbf{}",
    **{name: '{"wisteria": 1}'.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")},
    "duplicate members": b'{"wisteria": 1, "wisteria": 1}',
    "duplicate by escape": rb'{"wisteria": 1, "w\u0069steria": 1}',
    "duplicate inside": b'{"wisteria": [{"a": 1, "a": 2}]}',
    "33 deep": b'{"wisteria": ' + b"[" * 32 + b"]" * 32 + b"}",
    "33 objects deep": b'{"wisteria": ' * 33 + b"1" + b"}" * 33,
    "100 000 deep": b'{"wisteria": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 open": b"[" * 100_000,
}
NOT_OBJECTS = {name: name.encode() for name in ("[]", "null", "true", "1", '"wisteria"', "NaN", "1e400", "-Infinity")}
UNKNOWN_MEMBERS = {
    "plain name": (b'{"wisteria": 1}', "/wisteria"),
    "32 deep": (b'{"wisteria": ' + b"[" * 31 + b"]" * 31 + b"}", "/wisteria"),
    "10^5000": (b'{"wisteria": 1' + b"0" * 5000 + b"}", "/wisteria"),
    "capitals": (b'{"Wisteria": 1}', ""),
    "long name": (b'{"' + b"wisteria_" * 5 + b'": 1}', ""),
    "pointer in a name": (b'{"wisteria/~1": 1}', ""),
    "empty name": (b'{"": 1}', ""),
    "surrogate in a name": (rb'{"wisteria\ud800": 1}', ""),
    "NUL in a name": (rb'{"wisteria\u0000": 1}', ""),
    "prototype": (b'{"__proto__": {}}', "/__proto__"),
    "owner": (b'{"owner_id": "019aa2c4-7b00-7000-8000-00000000beef"}', "/owner_id"),
    "role": (b'{"role": "admin"}', "/role"),
    "version": (b'{"version": 1}', "/version"),
    "times": (b'{"created_at": "2026-11-22T10:00:00Z"}', "/created_at"),
}
WRONG_TYPES = (
    None,
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=wisteria",
    "application/jsonx",
    "application/vnd.api+json",
    "application/json5",
    "text/json",
    "json",
    "*/*",
    "application/json, text/plain",
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    "application/json; wisteria=1",
    "application/json\u00a0",
)
with_body = pytest.mark.parametrize("operation", WITH_BODY, ids=str)


@with_body
def test_a_body_that_is_not_json_is_400(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    for name, body in NOT_JSON.items():
        with subtests.test(name):
            reply = connection.request(operation.method, target, headers, body)
            assert (reply.status, reply.problem["code"]) == (400, "malformed-body")
            assert b"wisteria" not in reply.body
    assert state() == before


@with_body
def test_a_body_that_is_no_object_or_has_an_unknown_member_is_422(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    known = {f"/{name}" for name in (operation.body or {})["properties"]}
    for name, body in NOT_OBJECTS.items():
        with subtests.test(name):
            reply = connection.request(operation.method, target, headers, body)
            assert (reply.status, reply.pointers) == (422, [""])
    for name, (body, pointer) in UNKNOWN_MEMBERS.items():
        with subtests.test(name):
            reply = connection.request(operation.method, target, headers, body)
            assert reply.status == 422
            assert pointer in reply.pointers
            assert set(reply.pointers) - known <= {pointer}
    assert state() == before


@with_body
def test_another_media_type_is_415(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    target, right = operation.target(alice), json.dumps(operation.right_body(alice)).encode()
    before = state()
    plain = operation.headers(alice, None)
    named = [[*plain, ("Content-Type", name)] if name is not None else plain for name in WRONG_TYPES]
    json_ = operation.headers(alice)
    coded = [[*json_, ("Content-Encoding", name)] for name in ("gzip", "br", "identity", "")]
    twice = [[*json_, ("Content-Type", name)] for name in ("text/plain", "application/json")]
    merge = [] if operation.method == "PATCH" else [[*plain, ("Content-Type", "application/merge-patch+json")]]
    for headers in (*named, *coded, *twice, *merge):
        with subtests.test(str(headers[len(plain) :])):
            reply = connection.request(operation.method, target, headers, right)
            assert (reply.status, reply.problem["code"]) == (415, "unsupported-media-type")
    assert state() == before


@with_body
def test_every_form_of_the_json_media_type_is_accepted(
    connection: RawConnection, alice: Person, operation: Operation
) -> None:
    target, plain = operation.target(alice), operation.headers(alice, None)
    names = [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; charset="UTF-8"',
    ]
    names += ["application/merge-patch+json"] if operation.method == "PATCH" else []
    typed = {name: [*plain, ("Content-Type", name)] for name in names}
    body = b'{"Wisteria": 1}'
    statuses = {name: connection.request(operation.method, target, typed[name], body).status for name in names}
    assert statuses == dict.fromkeys(names, 422)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_content_length_above_the_limit_is_413_before_the_token_is_read(
    connection: RawConnection, alice: Person, operation: Operation, subtests: pytest.Subtests
) -> None:
    target = operation.target(alice)
    for length in (operation.limit + 1, 10**12, 2**63 - 1):
        with subtests.test(str(length)):
            reply = connection.send(request_bytes(operation.method, target, [("Content-Length", str(length))]))
            assert reply.status == 413
            assert reply.code in operation.code("body-too-large")
            assert str(operation.limit) in reply.body.decode()
        connection.close()
    for text in ("wisteria", "+5", "-1", "1_0", "0x10", "", "9" * 30, "\u00b2"):
        with subtests.test(text):
            reply = connection.send(request_bytes(operation.method, target, [("Content-Length", text)]))
            assert reply.status == 400
        connection.close()


@with_body
def test_a_body_that_grows_above_the_limit_is_413(
    connection: RawConnection, alice: Person, state: State, operation: Operation
) -> None:
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    for size, status in ((operation.limit, 422), (operation.limit + 1, 413)):
        body = json.dumps({"Wisteria": "w" * (size - len('{"Wisteria": ""}'))}).encode()
        assert len(body) == size
        assert connection.send(chunked_request_bytes(operation.method, target, headers, body)).status == status
        assert connection.request(operation.method, target, headers, body).status == status
        connection.close()
    assert state() == before
