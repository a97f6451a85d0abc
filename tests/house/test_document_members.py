"""The migration that gives stored documents of intentions and reflections their newer members, and the way back."""

from pathlib import Path

import pytest

from app.db import schema
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from migrations import document_members
from tests.conftest import Databases, Servers
from tests.drafts import Json, create_record
from tests.serving import Person, Server

NEWER: Json = {"scale": None, "weight": 1, "baseline": None}


@pytest.fixture
def server(servers: Servers, databases: Databases, database: str) -> Server:
    return servers.start(servers.settings(database, database_url=databases.fresh(database)))


def there_and_back(server: Server, keyring: Path) -> list[str]:
    """Migrate down to before the members, and up again; return the reported lines."""
    reported = list[str]()
    for revision in (document_members.PRACTISED, "head"):
        schema.migrate(server.settings.database_url, revision, reported.append, keyring)
    return reported


def test_down_and_up_again_answers_byte_for_byte(server: Server, keyring: Path, alice: Person) -> None:
    words = 'wisteria,"scale":null,"prompt_id":null}'
    intention = create_record(alice.client, INTENTIONS, alice, why=words, **NEWER)
    reflection = create_record(alice.client, REFLECTIONS, alice, body=words, prompt_id=None)
    device = server.on_another_device(alice)
    change = device.client.patch(
        f"{INTENTIONS.path}/{intention['id']}", json={"why": "wisteria"}, headers={"If-Match": "*"}
    )
    assert change.status_code == 200
    paths = [
        *(f"{INTENTIONS.path}/{intention['id']}{part}" for part in ("", "/history")),
        f"{REFLECTIONS.path}/{reflection['id']}",
        "/v1/sync/changes",
    ]
    before = [alice.client.get(path).content for path in paths]

    reported = there_and_back(server, keyring)

    assert [alice.client.get(path).content for path in paths] == before
    assert reported.count("completed 2 documents of intentions") == 2
    assert reported.count("completed 1 documents of reflections") == 2
    server.end_test()


def test_a_downgrade_forgets_scales_and_prompts(server: Server, keyring: Path, alice: Person) -> None:
    intention = create_record(alice.client, INTENTIONS, alice)
    reflection = create_record(alice.client, REFLECTIONS, alice)
    there_and_back(server, keyring)
    assert alice.client.get(f"{INTENTIONS.path}/{intention['id']}").json() == intention | NEWER
    assert alice.client.get(f"{REFLECTIONS.path}/{reflection['id']}").json() == reflection | {"prompt_id": None}
    server.end_test()


@pytest.mark.parametrize(("locale", "region"), [("de-CH", "CH"), ("en-UK", None), ("en", None)])
def test_accounts_get_the_region_of_their_language_tag(
    server: Server, keyring: Path, alice: Person, locale: str, region: str | None
) -> None:
    assert alice.client.patch("/v1/me", json={"locale": locale, "region": "NZ"}).json()["region"] == "NZ"
    there_and_back(server, keyring)
    assert alice.client.get("/v1/me").json()["region"] == region
    server.end_test()
