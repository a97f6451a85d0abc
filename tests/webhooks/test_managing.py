"""Managing webhooks: at most five for a clinic, only to public hosts, and the secret is shown once."""

from typing import Any

import pytest

from app.clinics.calls import ClientCaller
from app.clinics.tables import Purpose
from app.problems import NotSignedIn
from app.webhooks import registering
from app.webhooks.signing import PREFIX
from tests.clinics.clients import end_clinic
from tests.consents.clinic import Clinic
from tests.outbound.bad_urls import BAD_URLS
from tests.refusals import faults, pointers, refused
from tests.serving import Server
from tests.webhooks.receiver import PATH, Hook, read
from tests.webhooks.rows import exists, row_of


def test_the_secret_is_returned_once_and_stored_sealed(server: Server, clinic: Clinic, hook: Hook) -> None:
    created = hook.create(clinic)
    secret = created.pop("secret")
    assert secret.startswith(PREFIX)
    assert {name: created[name] for name in ("status", "delivered_at", "failing_since", "last_error")} == {
        "status": "active",
        "delivered_at": None,
        "failing_since": None,
        "last_error": None,
    }
    assert read(clinic, created) == created
    assert clinic.client.get(PATH).json() == {"items": [created]}
    assert secret.removeprefix(PREFIX).encode() not in row_of(server, created)["secret"]


def test_a_clinic_has_at_most_five_webhooks(clinic: Clinic, other_clinic: Clinic, hook: Hook) -> None:
    ids = [hook.create(clinic)["id"] for _ in range(5)]
    refused(clinic.client.post(PATH, json={"url": hook.url}), 409, "too-many-webhooks")
    hook.create(other_clinic)
    assert [each["id"] for each in clinic.client.get(PATH).json()["items"]] == ids[::-1]
    assert clinic.client.delete(f"{PATH}/{ids[0]}").status_code == 204
    refused(clinic.client.delete(f"{PATH}/{ids[0]}"), 404, "not-found")
    hook.create(clinic)


def test_a_webhook_of_another_clinic_looks_missing(
    server: Server, clinic: Clinic, other_clinic: Clinic, hook: Hook
) -> None:
    path = f"{PATH}/{hook.create(clinic)['id']}"
    for client in (other_clinic.client, clinic.client):
        refused(client.get(path), 404, "not-found")
        refused(client.patch(path, json={"status": "disabled"}), 404, "not-found")
        refused(client.delete(path), 404, "not-found")
        path = f"{PATH}/{clinic.id}"
    assert other_clinic.client.get(PATH).json() == {"items": []}
    assert server.anyone.get(path).status_code == 401


@pytest.mark.parametrize("case", BAD_URLS)
def test_a_url_that_is_not_public_is_refused(clinic: Clinic, case: str) -> None:
    response = clinic.client.post(PATH, json={"url": BAD_URLS[case]})
    assert faults(response) == {"/url": "url"}
    assert BAD_URLS[case] not in response.text


def test_a_url_whose_host_has_no_address_yet_is_accepted(clinic: Clinic) -> None:
    response = clinic.client.post(PATH, json={"url": "https://wisteria.invalid/changes"})
    assert response.status_code == 201


BAD_BODIES: dict[str, tuple[Any, str]] = {
    "no URL": ({}, "/url"),
    "null": ({"url": None}, "/url"),
    "a number": ({"url": 1}, "/url"),
    "an empty URL": ({"url": ""}, "/url"),
    "a long URL": ({"url": "https://a.example/" + "a" * 2000}, "/url"),
    "a secret": ({"url": "https://a.example/", "secret": "whsec_AAAA"}, "/secret"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_draft_that_is_not_valid_is_refused(clinic: Clinic, case: str) -> None:
    body, pointer = BAD_BODIES[case]
    assert pointers(clinic.client.post(PATH, json=body)) == [pointer]


BAD_PATCHES: dict[str, tuple[Any, str]] = {
    "both members": ({"status": "active", "rotate_secret": True}, "/status"),
    "another status": ({"status": "paused"}, "/status"),
    "no status": ({"status": None}, "/status"),
    "a number": ({"rotate_secret": 1}, "/rotate_secret"),
    "a URL": ({"url": "https://a.example/"}, "/url"),
}


@pytest.mark.parametrize("case", BAD_PATCHES)
def test_a_patch_that_is_not_valid_is_refused(clinic: Clinic, hook: Hook, case: str) -> None:
    body, pointer = BAD_PATCHES[case]
    response = clinic.client.patch(f"{PATH}/{hook.create(clinic)['id']}", json=body)
    assert pointers(response) == [pointer]


def test_a_patch_without_a_change_changes_nothing(clinic: Clinic, hook: Hook) -> None:
    created = hook.create(clinic)
    del created["secret"]
    for body in ({}, {"rotate_secret": False}, {"status": "active"}):
        changed = clinic.client.patch(f"{PATH}/{created['id']}", json=body).json()
        assert changed == created | {"secret": None}


def test_a_client_that_ends_during_its_request_creates_nothing(server: Server, clinic: Clinic, hook: Hook) -> None:
    caller = ClientCaller(server.services, clinic.client_id, clinic.id, "Clinic", Purpose.TREATMENT, "", "request")
    end_clinic(server, {"clinic_id": clinic.id})
    with pytest.raises(NotSignedIn):
        server.run(registering.create(caller, hook.url))


def test_the_webhooks_of_a_clinic_that_ends_are_deleted(
    server: Server, clinic: Clinic, other_clinic: Clinic, hook: Hook
) -> None:
    ended, kept = hook.create(clinic), hook.create(other_clinic)
    end_clinic(server, {"clinic_id": clinic.id})
    assert not exists(server, ended)
    assert exists(server, kept)
