"""Unknown paths, wrong methods, and malformed queries."""

from collections.abc import Iterator

import pytest

from tests.hostile.conftest import State
from tests.hostile.operations import LISTS, OPERATIONS, PAGED, PATHS, WITH_QUERY, Json, Operation, resolved
from tests.hostile.raw import Header, RawConnection
from tests.hostile.values import CASES, choices_of
from tests.serving import Person

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT")
MALFORMED_QUERIES = (
    "%zz=1",
    "limit=%",
    "%FF",
    "wisteria=%FF",
    "%C0%80",
    "%ED%A0%80",
    "%00",
    "a=%00",
    "%00=a",
    "a=1&b=%F4%90%80%80",
)
UNKNOWN_PARAMETERS = {"wisteria=1": "/wisteria", "Limit=1": "", "=1": "", "offset": "/offset"}
"""Queries, and the pointer to their fault."""
NOT_LIMITS = (
    *("-1", "1000000", "+5", "%2B5", "%205%20", "5%20", "5.0", "5e0", "0x5", "0_5", "", "wisteria"),
    *("%D9%A5", "%EF%BC%95", "true", "null", "[5]", "NaN", "9" * 5000),
)
NOT_CURSORS = ("", "wisteria", "A" * 54, "%F0%9F%8C%BF", "null", "A" * 7000, "%2e%2e%2f")
WITH_FALLBACK = {"language", "region"}
"""Parameters that accept any text: the response to an unknown one is the default."""
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def bearer(person: Person, operation: Operation | None = None) -> list[Header]:
    """Return the header with a person's token; for an operation of a clinic's client, with that of the client."""
    token = person.token if operation is None else operation.token(person)
    return [("Authorization", f"Bearer {token}")]


@every_operation
def test_another_form_of_a_path_is_404_without_a_redirect(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    head, _, last = target.rpartition("/")
    aliases = [f"{target}/", f"{target}//", f"/{target}", f"{head}//{last}", f"{head}/./{last}", f"{target}%20"]
    aliases += [f"{head}/x/../{last}", f"{head}%2F{last}", f"{head}/%{ord(last[0]):x}{last[1:]}", f"{target}%00"]
    aliases += [f"{target};a=1", f"{head}\\{last}", f"{target}.json", f"{target}%", f"{target}/..", f"/..{target}"]
    if "{id}" in operation.path:
        before_id, after_id = operation.path.split("{id}")
        id = target[len(before_id) : len(target) - len(after_id)]
        forms = (f"{{{id}}}", f"urn:uuid:{id}", id.replace("-", ""), f"{id}a", id[:-1], id[:-2])
        aliases += [f"{before_id}{each}{after_id}" for each in forms]
    else:
        aliases += [target.upper(), target.title()]
    for alias in filter(lambda each: each.startswith("/"), aliases):
        with subtests.test(alias):
            reply = connection.request(operation.method, alias, headers, b"{}" if operation.body else None)
            assert reply.status == 404
            assert reply.code in operation.code("not-found")
            assert reply.headers["location"] is None
    assert state() == before


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_405_with_the_allowed_ones(
    connection: RawConnection, alice: Person, state: State, path: str, subtests: pytest.Subtests
) -> None:
    allowed = PATHS[path] | ({"HEAD"} if "GET" in PATHS[path] else set())
    operation = next(each for each in OPERATIONS if each.path == path)
    target = operation.target(alice)
    before = state()
    for method in (*METHODS, "HEAD"):
        if method in allowed:
            continue
        for headers in ([], bearer(alice)):
            with subtests.test(f"{method} {'signed in' if headers else 'anonymous'}"):
                reply = connection.request(method, target, headers)
                assert reply.status == 405
                assert set(reply.headers["allow"].split(", ")) == allowed
                assert reply.body == b"" if method == "HEAD" else reply.code in operation.code("method-not-allowed")
    assert state() == before


ARCHIVE = "/v1/export"
"""The body of its response has the time at which it was made."""


@pytest.mark.parametrize("path", [path for path in PATHS if "GET" in PATHS[path]])
def test_head_is_get_without_the_body_and_overrides_are_ignored(
    connection: RawConnection, alice: Person, path: str, subtests: pytest.Subtests
) -> None:
    operation = next(each for each in OPERATIONS if each.path == path and each.method == "GET")
    target, authorized = operation.target(alice), bearer(alice, operation)
    fixed = f"{target}?as_of=2026-11-22T10:00:00Z" if "as_of" in operation.parameters else target
    changing = {"date", "x-request-id"}
    for headers in (authorized, []):
        with subtests.test("signed in" if headers else "anonymous"):
            got = connection.request("GET", fixed, headers)
            head = connection.request("HEAD", fixed, headers)
            assert head.body == b""
            assert head.status == got.status
            assert [each for each in head.headers.items() if each[0] not in changing] == [
                each for each in got.headers.items() if each[0] not in changing
            ]
            for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
                again = connection.request("GET", fixed, [*headers, (name, "DELETE")])
                assert again.status == got.status
                assert again.status == 401 or path == ARCHIVE or again.body == got.body
    assert connection.request("GET", f"{target}?_method=DELETE", authorized).status == 422


@every_operation
def test_a_malformed_query_is_400_and_an_unknown_parameter_422(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    for query in MALFORMED_QUERIES:
        with subtests.test(query):
            reply = connection.request(
                operation.method, f"{target}?{query}", headers, b"{}" if operation.body else None
            )
            assert reply.status == 400
            assert reply.code in operation.code("malformed-query")
    for query, pointer in UNKNOWN_PARAMETERS.items():
        with subtests.test(query):
            reply = connection.request(
                operation.method, f"{target}?{query}", headers, b"{}" if operation.body else None
            )
            if operation.is_oauth:
                assert (reply.status, reply.code) == (400, "invalid_request")
                continue
            assert (reply.status, reply.pointers) == (422, [pointer])
            assert reply.problem["known"] == list(operation.parameters)
    assert state() == before


@every_operation
def test_a_url_of_more_than_8_kib_is_414_before_the_token_is_read(
    connection: RawConnection, alice: Person, operation: Operation
) -> None:
    target = operation.target(alice)
    longer = (f"{target}?{'w' * 8192}", f"{target}/{'w' * 8192}", f"{target}?{'w' * 60_000}")
    codes = [connection.request(operation.method, each).problem["code"] for each in longer]
    assert codes == ["url-too-long"] * len(longer)
    longest = f"{target}?{'W' * (8191 - len(target))}"
    reply = connection.request(operation.method, longest, operation.headers(alice))
    assert reply.status == (400 if operation.is_oauth else 422)


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
def test_a_parameter_of_the_wrong_kind_is_422(
    connection: RawConnection, alice: Person, operation: Operation, subtests: pytest.Subtests
) -> None:
    headers, target, body = operation.headers(alice), operation.target(alice), operation.right_content(alice)
    for name, schema in operation.parameters.items():
        kind = resolved(schema)
        kind = resolved(kind["items"]) if kind.get("type") == "array" else kind
        for value in rejected_parameters(name, kind):
            if name == "collections" and not value:
                continue  # an empty list means all collections
            with subtests.test(f"{name}={value[:40]}"):
                reply = connection.request(operation.method, f"{target}?{name}={value}", headers, body)
                assert reply.status == 422
                assert {pointer.split("/")[1] for pointer in reply.pointers} == {name}
                assert b"wisteria" not in reply.body
        if resolved(schema).get("type") != "array":
            value = "5" if kind["type"] == "integer" else "a"
            twice = f"{target}?{name}={value}&{name}={value}"
            reply = connection.request(operation.method, twice, headers, body)
            assert f"/{name}" in reply.pointers


def rejected_parameters(name: str, kind: Json) -> Iterator[str]:
    """Yield values that a parameter must reject, including the wildcards of SQL's LIKE."""
    if kind["type"] == "integer":
        yield from (*NOT_LIMITS, str(kind["minimum"] - 1), str(kind["maximum"] + 1))
    elif name == "instrument":
        yield from ("", "%20", "WISTERIA", "%25", "_", "%5C", "%25wisteria_", "w" * 1_000)
    elif name in WITH_FALLBACK:
        yield "w" * (kind["maxLength"] + 1)
    elif name != "cursor":
        forms = [each[1:-1] for each in CASES.get(kind.get("format", ""), ()) if each[0] == '"' and "\\" not in each]
        yield from (each.replace(" ", "%20") for each in forms if each.isascii())
        yield from ("wisteria", "true%20", "TRUE", "%25", "_", "%5C", "%25wisteria_")
        if choices_of(kind) or kind["type"] == "boolean" or "format" in kind or kind.get("minLength"):
            yield ""


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_a_cursor_of_another_list_is_400(
    connection: RawConnection, alice: Person, bob: Person, operation: Operation, subtests: pytest.Subtests
) -> None:
    create = next(each for each in OPERATIONS if each.path == operation.path and each.method == "POST")
    reads = next(each for each in OPERATIONS if each.path.startswith(f"{operation.path}/") and each.method == "GET")
    assert create.body is not None
    for person in (alice, alice, bob, bob):
        reads.target(person)
    hers = alice.client.get(operation.path, params={"limit": 1}).json()["next_cursor"]
    his = bob.client.get(operation.path, params={"limit": 1}).json()["next_cursor"]
    other = next(each for each in LISTS if each != operation)
    flipped = chr(ord(hers[5]) ^ 1)
    invalid = [
        hers[:5] + flipped + hers[6:],
        hers[:-1],
        hers + "A",
        hers + "=",
        hers + "%20",
        hers[:-1] + chr(ord(hers[-1]) + 1),
    ]
    invalid += [*NOT_CURSORS, his, hers[:32] + his[32:]]
    assert connection.request("GET", f"{operation.path}?cursor={hers}", bearer(alice)).status == 200
    for cursor in invalid:
        with subtests.test(cursor[:60]):
            reply = connection.request("GET", f"{operation.path}?cursor={cursor}", bearer(alice))
            assert (reply.status, reply.problem["code"]) == (400, "invalid-cursor")
    name, schema = next(
        (name, resolved(schema))
        for name, schema in operation.parameters.items()
        if name.endswith("_id") or name == "kind"
    )
    value = (
        "019aa2c4-7b00-7000-8000-00000000beef"
        if schema.get("format") == "uuid"
        else resolved(schema["items"])["enum"][0]
    )
    targets = (f"{operation.path}?{name}={value}&cursor={hers}", f"{other.path}?cursor={hers}")
    codes = [connection.request("GET", target, bearer(alice)).problem["code"] for target in targets]
    assert codes == ["invalid-cursor"] * len(targets)


@pytest.mark.parametrize("operation", PAGED, ids=str)
def test_what_is_no_cursor_is_400(
    connection: RawConnection, alice: Person, operation: Operation, subtests: pytest.Subtests
) -> None:
    target = operation.target(alice)
    for cursor in NOT_CURSORS:
        with subtests.test(cursor[:60]):
            reply = connection.request("GET", f"{target}?cursor={cursor}", bearer(alice, operation))
            assert (reply.status, reply.problem["code"]) == (400, "invalid-cursor")
