"""Delivering: each change leads to a signed message, several to one, and no failure or crash loses any."""

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from app import clock
from app.clinics import administration
from app.exchange import numbering
from app.ids import new_id
from app.webhooks import delivering
from tests.conftest import Servers
from tests.consents.clinic import Clinic, give, new_clinic
from tests.drafts import Json
from tests.exchange.replica import Replica, entry, push
from tests.parallel import at_once
from tests.serving import Person, Server
from tests.waiting import wait_until
from tests.webhooks.receiver import PATH, SECONDS, Hook, hooking, read
from tests.webhooks.rows import head_of, row_of, set_contact, set_row, settled


@pytest.fixture
def connected(alice: Person, clinic: Clinic) -> Clinic:
    """A clinic with a patient."""
    give(alice, clinic, "P-1")
    return clinic


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry within hundredths of a second."""
    monkeypatch.setattr(delivering, "RETRIES", (0.02,))


def change(clinic: Clinic, number: int = 1) -> None:
    """Push a session, which changes something for the clinic."""
    push(clinic, entry(clinic.identifier("P-1"), f"S-{number}-{new_id()}"))


def patch(clinic: Clinic, webhook: Json, **members: Any) -> Json:
    response = clinic.client.patch(f"{PATH}/{webhook['id']}", json=members)
    assert response.status_code == 200, response.text
    changed: Json = response.json()
    return changed


def search(server: Server) -> None:
    """Search for due webhooks now, as every worker does each second."""
    server.run(delivering.run(server.services))


def failed(server: Server, webhook: Json, times: int) -> Json:
    """Wait until as many attempts have failed; return the row."""
    wait_until(lambda: row_of(server, webhook)["failures"] >= times, SECONDS)
    return row_of(server, webhook)


def test_a_change_leads_to_a_signed_message_without_personal_data(
    server: Server, alice: Person, clinic: Clinic, hook: Hook
) -> None:
    webhook = hook.create(clinic)
    assert head_of(server, clinic) == 0
    before = clock.now()
    give(alice, clinic, "P-1", name="Wisteria")
    message = hook.received(1)[0]
    body = message.verified(webhook["secret"])
    sent_at = body.pop("timestamp")
    assert body == {"type": "changes.available", "data": {"clinic_id": str(clinic.id)}}
    assert clock.format_instant(before) <= sent_at
    assert message.headers["content-type"] == "application/json"
    assert message.id.startswith(f"{webhook['id']}_")
    settled(server, clinic, webhook)
    found = read(clinic, webhook)
    assert (found["failing_since"], found["last_error"]) == (None, None)
    assert found["delivered_at"] >= sent_at
    replica = Replica(clinic)
    replica.pull()
    assert len(replica.records) == 1


def test_the_end_of_a_consent_leads_to_a_message(server: Server, alice: Person, clinic: Clinic, hook: Hook) -> None:
    consent = give(alice, clinic)
    webhook = hook.create(clinic)
    settled(server, clinic, webhook)
    assert alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"}).status_code == 200
    assert hook.received(2)[1].id != hook.messages[0].id
    settled(server, clinic, webhook)


def test_a_message_is_verified_by_its_own_secret_only(connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    message = hook.received(1)[0]
    other = hook.create(connected)["secret"]
    with pytest.raises(WebhookVerificationError):
        message.verified(other)
    message.body = message.body.replace(b"changes", b"charges")
    with pytest.raises(WebhookVerificationError):
        message.verified(webhook["secret"])


def test_a_new_webhook_gets_a_message_at_once_if_there_were_changes_before(connected: Clinic, hook: Hook) -> None:
    Replica(connected).pull()
    hook.create(connected)
    hook.received(1)


def test_changes_during_a_delivery_make_one_message(server: Server, connected: Clinic, hook: Hook) -> None:
    hook.open.clear()
    webhook = hook.create(connected)
    hook.received(1)
    for number in range(10):
        change(connected, number)
    search(server)
    assert len(hook.messages) == 1
    hook.open.set()
    first, second = hook.received(2)
    settled(server, connected, webhook)
    assert hook.messages == [first, second]
    assert first.id != second.id


def test_nothing_is_sent_without_a_change(server: Server, connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    hook.received(1)
    settled(server, connected, webhook)
    for _ in range(3):
        search(server)
    assert len(hook.messages) == 1


def test_all_changes_are_numbered_in_parts(
    server: Server, connected: Clinic, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "MAX_NUMBERED", 1)
    push(connected, *(entry(connected.identifier("P-1"), f"S-{number}") for number in range(5)))
    assert head_of(server, connected) == 0
    settled(server, connected, hook.create(connected))
    assert head_of(server, connected) == 6


def test_changes_of_a_clinic_without_webhooks_are_not_numbered(server: Server, connected: Clinic) -> None:
    search(server)
    assert head_of(server, connected) == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
def test_a_failed_message_is_sent_again_as_it_was(server: Server, connected: Clinic, hook: Hook, status: int) -> None:
    hook.status = status
    webhook = hook.create(connected)
    assert str(status) in failed(server, webhook, 1)["last_error"]
    found = read(connected, webhook)
    assert str(status) in found["last_error"]
    assert found["failing_since"] >= webhook["created_at"]
    change(connected)
    hook.status = 200
    settled(server, connected, webhook)
    found = read(connected, webhook)
    assert (found["failing_since"], found["last_error"], found["status"]) == (None, None, "active")
    *repeated, last = hook.messages
    assert len(repeated) >= 2
    assert len({(message.id, message.body) for message in repeated}) == 1
    assert last.id != repeated[0].id
    for message in hook.messages:
        message.verified(webhook["secret"])


def test_the_pauses_between_attempts_grow(server: Server, connected: Clinic, hook: Hook) -> None:
    hook.status = 500
    webhook = hook.create(connected)
    for times, seconds in enumerate((*delivering.RETRIES, delivering.RETRIES[-1]), 1):
        now = clock.now()
        set_row(server, webhook, failures=times - 1, due_at=now)
        search(server)
        row = failed(server, webhook, times)
        pause = (row["due_at"] - now).total_seconds()
        assert 0.8 * seconds <= pause <= 1.2 * seconds + SECONDS
        assert row["failures"] == times


@pytest.mark.usefixtures("quick")
def test_a_webhook_that_has_failed_for_five_days_is_disabled_with_an_email(
    server: Server, connected: Clinic, hook: Hook
) -> None:
    contact = f"{new_id().hex}@example.com"
    set_contact(server, connected, contact)
    hook.status = 500
    webhook = hook.create(connected)
    failed(server, webhook, 2)
    assert read(connected, webhook)["status"] == "active"
    set_row(server, webhook, failing_since=clock.now() - timedelta(days=5))
    text = server.mailbox.text_to(contact)
    assert webhook["id"] in text
    assert "the response has the status 500" in text
    assert hook.url not in text
    assert read(connected, webhook)["status"] == "disabled"
    sent = len(hook.messages)
    search(server)
    assert len(hook.messages) == sent
    hook.status = 200
    assert patch(connected, webhook, status="active")["failing_since"] is None
    settled(server, connected, webhook)


def test_the_last_attempt_is_made_after_five_days(server: Server, connected: Clinic, hook: Hook) -> None:
    hook.status = 500
    webhook = hook.create(connected)
    since = failed(server, webhook, 1)["failing_since"] - timedelta(days=4, hours=20)
    set_row(server, webhook, failing_since=since, failures=9, due_at=clock.now())
    assert failed(server, webhook, 10)["due_at"] == since + delivering.MAX_FAILING


def test_a_receiver_that_is_gone_is_disabled_at_once(server: Server, connected: Clinic, hook: Hook) -> None:
    hook.status = 410
    webhook = hook.create(connected)
    failed(server, webhook, 1)
    assert read(connected, webhook)["status"] == "disabled"
    hook.status = 200
    patch(connected, webhook, status="active")
    settled(server, connected, webhook)


def test_a_disabled_webhook_gets_nothing_until_it_is_enabled(server: Server, connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    settled(server, connected, webhook)
    assert patch(connected, webhook, status="disabled")["status"] == "disabled"
    change(connected)
    Replica(connected).pull()
    search(server)
    assert len(hook.messages) == 1
    patch(connected, webhook, status="active")
    settled(server, connected, webhook)
    assert len(hook.messages) == 2


def test_both_secrets_sign_for_a_day_after_a_rotation(server: Server, connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    settled(server, connected, webhook)
    old, new = webhook["secret"], patch(connected, webhook, rotate_secret=True)["secret"]
    assert old != new
    change(connected)
    settled(server, connected, webhook)
    message = hook.received(2)[1]
    assert message.verified(old) == message.verified(new)
    set_row(server, webhook, former_until=clock.now())
    change(connected)
    settled(server, connected, webhook)
    message = hook.received(3)[2]
    message.verified(new)
    with pytest.raises(WebhookVerificationError):
        message.verified(old)


def test_a_slow_receiver_delays_no_other(
    server: Server, connected: Clinic, other_clinic: Clinic, hook: Hook, other_hook: Hook
) -> None:
    give(server.person(), other_clinic, "P-1")
    hook.open.clear()
    slow = [hook.create(connected) for _ in range(5)]
    hook.received(5)
    fast = other_hook.create(other_clinic)
    settled(server, other_clinic, fast)
    for number in range(2, 4):
        change(other_clinic)
        other_hook.received(number)
    assert len(hook.messages) == 5
    hook.open.set()
    for webhook in slow:
        settled(server, connected, webhook)


def test_a_worker_sends_a_limited_number_at_once(
    server: Server, connected: Clinic, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "MAX_SENDING", 0)
    webhook = hook.create(connected)
    for _ in range(2):
        search(server)
    assert hook.messages == []
    monkeypatch.undo()
    settled(server, connected, webhook)


def test_two_workers_send_each_message_once(servers: Servers, database: str, hook: Hook) -> None:
    settings = servers.settings(database)
    workers = [servers.start(settings), servers.start(settings)]
    clinic = new_clinic(workers[0])
    give(workers[0].person(), clinic, "P-1")
    webhook = hook.create(clinic)

    def search_thrice(worker: int) -> None:
        for _ in range(3):
            search(workers[worker])

    for number in range(1, 6):
        at_once(search_thrice, 2)
        hook.received(number)
        settled(workers[0], clinic, webhook)
        change(clinic, number)
    hook.received(6)
    settled(workers[0], clinic, webhook)
    assert len({message.id for message in hook.messages}) == len(hook.messages) == 6
    workers[0].end_test()


def test_a_result_after_the_end_of_its_lease_is_ignored(server: Server, connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    settled(server, connected, webhook)
    patch(connected, webhook, status="disabled")
    set_row(server, webhook, delivered=0)
    row = row_of(server, webhook)
    late = row | {"epoch": 1, "message": 1, "message_at": clock.now(), "due_at": clock.now() + timedelta(hours=1)}
    for status in (200, 410):
        hook.status = status
        server.run(delivering.deliver(server.services, late))
    assert len(hook.messages) == 3
    assert row_of(server, webhook) == row


def test_a_url_that_became_private_is_not_requested(server: Server, connected: Clinic, hook: Hook) -> None:
    webhook = hook.create(connected)
    settled(server, connected, webhook)
    set_row(server, webhook, url=hook.url.replace("http:", "https:"))
    change(connected)
    assert failed(server, webhook, 1)["last_error"] == "the URL is refused: its host must have only public addresses"
    assert len(hook.messages) == 1


def test_a_host_without_a_listener_is_a_failure(server: Server, connected: Clinic, hook: Hook) -> None:
    with hooking() as closed:
        hook.url = closed.url
    webhook = hook.create(connected)
    assert failed(server, webhook, 1)["last_error"] == "the host has no address, or does not accept connections"


def test_a_secret_that_cannot_be_decrypted_is_a_failure_until_it_is_rotated(
    server: Server, connected: Clinic, hook: Hook
) -> None:
    webhook = hook.create(connected)
    settled(server, connected, webhook)
    set_row(server, webhook, secret=bytes(60))
    change(connected)
    assert "rotate it" in failed(server, webhook, 1)["last_error"]
    new = patch(connected, webhook, rotate_secret=True)["secret"]
    set_row(server, webhook, former_until=clock.now(), due_at=clock.now())
    settled(server, connected, webhook)
    hook.messages[-1].verified(new)


def test_after_a_restore_every_webhook_gets_a_message(servers: Servers, database: str, hook: Hook) -> None:
    server = servers.start(servers.settings(database))
    clinic = new_clinic(server)
    give(server.person(), clinic, "P-1")
    webhook = hook.create(clinic)
    settled(server, clinic, webhook)
    server.run(administration.raise_epochs(server.db, 1))
    first, second = hook.received(2)
    assert first.id != second.id
    server.end_test()


def test_no_log_line_contains_the_url_or_the_secret(
    server: Server, connected: Clinic, hook: Hook, every_log_line: list[str]
) -> None:
    begin = len(every_log_line)
    hook.status = 500
    webhook = hook.create(connected)
    failed(server, webhook, 1)
    wait_until(lambda: any('"webhook-failed"' in line for line in every_log_line[begin:]))
    lines = "\n".join(every_log_line[begin:])
    assert json.dumps(webhook["id"]) in lines
    assert webhook["secret"] not in lines
    assert hook.url not in lines
