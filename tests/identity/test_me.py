"""The own account: which fields its owner can change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.identity.accounts import account_with_usage, change_account, public_account
from app.identity.caller import Caller
from app.identity.changing_email import confirm_change
from app.identity.shapes import EmailConfirmation
from app.ids import new_id
from app.problems import NotSignedIn
from tests.serving import Person, Server


def test_an_account_is_read_and_changed_by_its_owner(alice: Person, bob: Person) -> None:
    before = alice.client.get("/v1/me").json()
    usage = before.pop("usage")
    his = bob.client.get("/v1/me").json()
    assert (before["email"], before["display_name"], before["timezone"]) == (alice.email, "alice", "Europe/Berlin")
    changes = {"display_name": "wisteria", "timezone": "Pacific/Chatham", "locale": "pt-BR", "region": "PT"}
    after = alice.client.patch("/v1/me", json=changes).json()
    assert after == before | changes | {"updated_at": after["updated_at"]}
    assert after["updated_at"] >= before["updated_at"]
    cleared = alice.client.patch(
        "/v1/me", content=b'{"display_name": null}', headers={"Content-Type": "application/merge-patch+json"}
    ).json()
    assert cleared == after | {"display_name": None, "updated_at": cleared["updated_at"]}
    unknown = alice.client.patch("/v1/me", json={"region": None}).json()
    assert unknown == cleared | {"region": None, "updated_at": unknown["updated_at"]}
    cleared = unknown
    nothing: tuple[dict[str, Any], ...] = ({}, {"display_name": None, "locale": "pt-BR"})
    assert [alice.client.patch("/v1/me", json=each).json() for each in nothing] == [cleared] * 2
    assert alice.client.get("/v1/me").json() == cleared | {"usage": usage}
    assert bob.client.get("/v1/me").json() == his


@pytest.mark.parametrize(
    "changes",
    [
        {"timezone": "Europe/Wisteria"},
        {"timezone": "europe/berlin"},
        {"timezone": "UTC+1"},
        {"timezone": "../../etc/passwd"},
        {"timezone": None},
        {"locale": None},
        {"locale": ""},
        {"locale": "en_US"},
        {"locale": "english-wisteria-"},
        {"locale": "en" + "-abcdefgh" * 4},
        {"region": ""},
        {"region": "de"},
        {"region": "UK"},
        {"region": "DEU"},
        {"region": 276},
        {"display_name": "w" * 101},
        {"display_name": "wisteria\0"},
        {"email": "wisteria@example.com"},
        {"role": "admin"},
        {"id": "019aa2c4-7b00-7000-8000-00000000beef"},
        {"password": "wisteria wisteria"},
        {"closed_at": None},
        {"updated_at": "2026-11-22T10:00:00Z"},
    ],
    ids=str,
)
def test_one_invalid_field_refuses_the_whole_change(alice: Person, changes: dict[str, Any]) -> None:
    before = alice.client.get("/v1/me").json()
    response = alice.client.patch("/v1/me", json={"display_name": "wisteria"} | changes)
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{name}" for name in changes]
    assert alice.client.get("/v1/me").json() == before


def test_concurrent_changes_of_different_fields_are_all_kept(alice: Person) -> None:
    for name, zone in (("wisteria", "Asia/Tokyo"), ("arbour", "Africa/Lagos"), ("gate", "Asia/Kolkata")):
        changes = ({"display_name": name}, {"timezone": zone})
        with ThreadPoolExecutor(2) as threads:
            for response in threads.map(lambda change: alice.client.patch("/v1/me", json=change), changes):
                assert response.status_code == 200
        account = alice.client.get("/v1/me").json()
        assert (account["display_name"], account["timezone"]) == (name, zone)


@pytest.mark.parametrize("operation", ["read", "read with its usage", "change", "confirm an e-mail address"])
def test_an_account_that_was_erased_during_the_request_is_not_signed_in(server: Server, operation: str) -> None:
    caller = Caller(server.services, new_id(), new_id())
    operations = {
        "read": lambda: public_account(server.db, caller.account_id),
        "read with its usage": lambda: account_with_usage(server.services, caller.account_id),
        "change": lambda: change_account(server.db, caller.account_id, {"locale": "pt-BR"}),
        "confirm an e-mail address": lambda: confirm_change(caller, "local", EmailConfirmation(code="4RT8NW2CHJ")),
    }
    with pytest.raises(NotSignedIn):
        server.run(operations[operation]())
