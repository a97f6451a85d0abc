"""Random mutations of valid FHIR resources: none causes an error of the server, a partial write, or repeats its input."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import fhirkit
import httpx2 as httpx
import pytest

from tests.conftest import Servers
from tests.consents.clinic import ALL_SCOPES, new_clinic
from tests.fhir.facade import Facade, bundle, connect, entry
from tests.hostile.chance import EFFORT, RecordProperty
from tests.hostile.mutations import DIFFICULT
from tests.hostile.raw import Header, RawConnection, RawResponse
from tests.serving import Person

PARTS: Final = 2
MUTANTS: Final = 5000
"""Mutations of each part, on each database."""
EXPORTS: Final = 500
"""Mutations of the parameters of exports, on each database."""
FHIR_VALUES: Final = (
    '"on-hold"',
    '"unknown"',
    '"2026-11-20"',
    '"2026-11-20T09:30:00+14:00"',
    '"2026-11-20T09:30:60Z"',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59-12:00"',
    '"Patient/wisteria"',
    '"urn:afterglow:setting"',
    '{"coding": [{"system": "urn:afterglow:session-kind", "code": "preparation"}]}',
    '{"reference": "Patient/019aa2c4-7b00-7000-8000-00000000beef"}',
    '[{"url": "urn:afterglow:timezone", "valueCode": "Mars/Wisteria"}]',
    '[{"url": "urn:afterglow:setting", "valueInteger": 5}]',
    '[{"system": "urn:a", "value": "wisteria\\u0000"}]',
    "1e-9",
    "62.5000",
    "0.0001",
    "123456789012345678901234567890",
)
_HERE: Final = "\ufffcHERE"


def places(node: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in a JSON value."""
    inner: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in inner:
        yield (*before, step)
        yield from places(value, (*before, step))


def mutate(resource: Any, chance: random.Random) -> bytes:
    """Return the bytes of a resource with one to three mutations."""
    text = json.dumps(resource)
    for _ in range(chance.choice((1, 1, 2, 3))):
        copied: Any = json.loads(text)
        found = [*places(copied)]
        if not found:  # a former mutation has removed everything
            break
        *path, last = chance.choice(found)
        node = copied
        for step in path:
            node = node[step]
        way = chance.randrange(6)
        value = chance.choice((*DIFFICULT, *FHIR_VALUES))
        if way == 0:
            del node[last]
        elif way == 1 and isinstance(node, dict):
            node[
                chance.choice(("wisteria", "status", "valueCode", "effectiveDateTime", "id", f"_{last}", "extension"))
            ] = _HERE
        elif way == 2 and isinstance(last, int):
            node.append(node[last])
        else:
            node[last] = [_HERE] if way == 3 else _HERE
        text = json.dumps(copied).replace(json.dumps(_HERE), value)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text.encode(errors="surrogatepass")
        if not isinstance(json.loads(text), dict) or len(text) > 500_000:
            break
    content = bytearray(text.encode(errors="surrogatepass"))
    if chance.random() < 0.1:
        at = chance.randrange(len(content))
        content[at : at + chance.choice((0, 1, 4))] = chance.choice((b"\0", b"\xff", b'"', b"{", b",", b""))
    return bytes(content)


def valid(facade: Facade, chance: random.Random) -> tuple[str, str, Any]:
    """Return the method, the path and the body of a valid request."""
    value = f"S-{chance.randrange(50)}"
    extensions = [
        {"url": "urn:afterglow:setting", "valueCode": "clinic"},
        {"url": "urn:afterglow:timezone", "valueCode": "Europe/Berlin"},
    ]
    procedure = facade.procedure(value, extension=extensions, statusReason={"text": "wisteria"})
    resource = chance.choice((procedure, facade.administration(value)))
    path = f"/fhir/{resource['resourceType']}"
    way = chance.randrange(4)
    if way == 0:
        return "POST", path, resource
    if way == 1:
        return "PUT", f"{path}?identifier=urn:wisteria-house:session|{value}", resource
    entries = [entry(resource), entry(facade.procedure("S-99"), "POST", ifNoneExist="identifier=urn:x|a")]
    return "POST", "/fhir", bundle(("batch", "transaction")[way - 2], *entries[: chance.randint(1, 2)])


def check(reply: RawResponse, sent: bytes) -> dict[str, Any]:
    """Check a response; return the resource."""
    assert reply.status < 500, (reply, sent)
    assert reply.headers["content-type"] == "application/fhir+json", (reply, sent)
    answered: dict[str, Any] = json.loads(reply.body)
    if reply.status >= 400:
        assert answered["resourceType"] == "OperationOutcome"
        assert b"wisteria" not in reply.body.replace(b".wisteria", b""), (reply, sent)
    return answered


@pytest.mark.timeout(600 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_mutation_of_a_resource_breaks_anything(
    alice: Person, connection: RawConnection, seed: int, part: int, record_property: RecordProperty
) -> None:
    facade = connect(alice, new_clinic(alice.server))
    chance = random.Random(f"{seed} {part}")  # noqa: S311 - repeatable
    headers: list[Header] = []
    outcomes: Counter[int] = Counter()
    stored: dict[str, Any] = {}
    for number in range(MUTANTS * EFFORT):
        method, path, resource = valid(facade, chance)
        content = mutate(resource, chance)
        if number % 1000 == 0:  # a token lasts five minutes
            token = alice.server.services.tokens.issue_to_client(facade.clinic.client_id, ALL_SCOPES)
            headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/fhir+json")]
        reply = connection.request(method, path, headers, content)
        outcomes[reply.status] += 1
        answered = check(reply, content)
        if reply.status < 300:
            written = [answered] if path != "/fhir" else [each.get("resource") for each in answered.get("entry", ())]
            stored |= {each["id"]: each for each in written if each and "id" in each}
    found = facade.get("Procedure", _count=200)
    assert {each["resource"]["id"] for each in found["entry"]} == set(stored)
    for kind in ("Procedure", "MedicationAdministration"):
        assert [str(each) for each in fhirkit.validate(facade.get(kind, _count=200))] == []
    record_property("summary", f"FHIR bodies, part {part}: {dict(sorted(outcomes.items()))}")
    assert outcomes[200] + outcomes[201] > MUTANTS // 20
    assert outcomes[400] > MUTANTS // 20


def test_no_mutation_of_the_parameters_of_an_export_breaks_anything(
    servers: Servers, database: str, seed: int, record_property: RecordProperty
) -> None:
    server = servers.shared(database, throttle_exports=1_000_000)
    clinic = new_clinic(server)
    facade = connect(server.person("alice"), clinic)
    chance = random.Random(f"{seed} exports")  # noqa: S311 - repeatable
    named: list[Any] = [
        {"name": "_type", "valueString": "Patient,Procedure"},
        {"name": "_since", "valueInstant": "2026-11-20T09:30:00Z"},
        {"name": "_outputFormat", "valueString": "ndjson"},
        {"name": "patient", "valueReference": {"reference": f"Patient/{facade.patient}"}},
    ]
    outcomes: Counter[int] = Counter()
    urls: list[str] = []
    headers = {"Authorization": f"Bearer {clinic.token}", "Content-Type": "application/fhir+json"}
    with httpx.Client(base_url=server.url, headers=headers | {"Prefer": "respond-async"}) as client:
        for _ in range(EXPORTS * EFFORT):
            some = chance.sample(named, chance.randint(1, len(named)))
            content = mutate({"resourceType": "Parameters", "parameter": some}, chance)
            response = client.post("/fhir/$export", content=content)
            outcomes[response.status_code] += 1
            assert response.status_code in {202, 400, 403, 413, 415, 422}, (response.text, content)
            if response.status_code == 202:
                urls.append(response.headers["content-location"])
            else:
                assert response.json()["resourceType"] == "OperationOutcome"
                without_names = response.text.replace('.wisteria"', "").replace('"expression":["wisteria"]', "")
                assert "wisteria" not in without_names, (response.text, content)
        for url in chance.sample(urls, min(20, len(urls))):
            manifest = client.get(url)
            assert manifest.status_code == 200, manifest.text
            assert all(client.get(each["url"]).status_code == 200 for each in manifest.json()["output"])
    record_property("summary", f"FHIR exports: {dict(sorted(outcomes.items()))}")
    assert outcomes[202] > 0
    assert outcomes[400] > EXPORTS // 4
