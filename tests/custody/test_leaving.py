"""Closing an account, reopening it, and erasing it: nothing of it is left in any table."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from app import clock
from app.archive.exporting import export
from app.clinics.consent_tables import EndedBy
from app.db import Table, background_transaction
from app.http import ClientConnection
from app.identity import Caller, administration
from app.keyring import Keyring
from app.keyring.ledger import Ledger, LedgerError, read_entries
from app.leaving import closing, erasing, personal_rows
from app.problems import NotSignedIn
from app.records.view import own_records
from app.resources import RESOURCES
from tests.custody.accounts import close, command, fill, login, reopen, rows_left, traces, without_jobs
from tests.drafts import create_record, draft_of
from tests.house.commands import assert_fails
from tests.identity.authenticator import turn_on
from tests.parallel import at_once
from tests.rows import device_of
from tests.serving import PASSWORD, Person, Server
from tests.sync.event_stream import open_event_stream
from tests.waiting import later, wait_until
from tests.witness import Client


def test_every_table_is_covered_by_its_columns() -> None:
    uncovered = {table.name for table in Table.metadata.sorted_tables if personal_rows.belongs(table) is None}
    assert uncovered == {*personal_rows.OTHER_TABLES}


def test_a_closed_account_is_served_nowhere_until_it_is_reopened(server: Server, anyone: Client, alice: Person) -> None:
    record = create_record(alice.client, RESOURCES[2], alice)
    day = (datetime.now(UTC) + timedelta(days=14)).date()
    assert close(alice) in {str(day), str(day + timedelta(days=1))}
    assert alice.client.get("/v1/me").status_code == 401
    refreshed = anyone.post("/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    assert login(anyone, alice.email) == 401
    code = server.mailbox.code_to(alice.email)
    assert reopen(anyone, alice.email, "WISTERIA00") == 401
    tokens = anyone.post("/v1/auth/reopen", json={"email": alice.email.upper(), "code": code.lower()}).json()
    client = server.client(tokens["access_token"])
    assert client.get(f"{RESOURCES[2].path}/{record['id']}").json() == record
    assert "open again" in server.mailbox.text_to(alice.email)
    assert reopen(anyone, alice.email, code) == 401
    assert login(anyone, alice.email) == 200


def test_a_wrong_password_closes_nothing(alice: Person) -> None:
    assert alice.client.post("/v1/me/close", json={"password": "wisteria?"}).status_code == 401
    assert alice.client.get("/v1/me").status_code == 200


def test_a_lost_code_is_sent_again_and_the_address_is_taken(server: Server, anyone: Client, alice: Person) -> None:
    close(alice)
    server.mailbox.code_to(alice.email)
    anyone.post("/v1/auth/register", json={"email": alice.email, "password": PASSWORD})
    assert "already has an account" in server.mailbox.text_to(alice.email)
    codes = []
    for _ in range(12):
        anyone.post("/v1/auth/password/forgot", json={"email": alice.email})
        codes.append(server.mailbox.code_to(alice.email))
    assert len({*codes}) == 9
    assert codes[9:] == [codes[8]] * 3
    assert reopen(anyone, alice.email, codes[-1]) == 200


def test_an_account_cannot_be_reopened_once_its_time_is_over(server: Server, anyone: Client, alice: Person) -> None:
    close(alice)
    code = server.mailbox.code_to(alice.email)
    with later(days=14, seconds=1):
        assert reopen(anyone, alice.email, code) == 401
        assert_fails(
            command(server, "account", "reopen", alice.email), "the account is being erased; nothing was changed"
        )


def test_a_valid_code_does_not_reopen_an_account_whose_erasure_has_begun(
    server: Server, anyone: Client, alice: Person
) -> None:
    close(alice)
    code = server.mailbox.code_to(alice.email)

    async def begin_erasure() -> None:
        async with server.db.transaction() as tx:
            now = clock.now()
            await administration.set_closed(tx, alice.id, now, now)

    server.run(begin_erasure())
    assert reopen(anyone, alice.email, code) == 401


def test_a_long_poll_ends_when_the_account_closes(server: Server, alice: Person) -> None:
    cursor = alice.client.get("/v1/sync").json()["cursor"]

    def act(device: int) -> int:
        if device:
            close(alice)
            return 202
        return server.client(alice.token).get(f"/v1/sync/changes?since={cursor}&wait=10").status_code

    assert at_once(act, 2) in ([401, 202], [200, 202])


def test_an_event_stream_ends_when_the_account_closes(server: Server, alice: Person) -> None:
    with open_event_stream(server.client(alice.token)) as stream:
        stream.next_head()
        close(alice)
        assert stream.ends()


@pytest.mark.parametrize("ending", ["closed", "erased"])
def test_an_export_that_begins_beside_the_end_of_its_account_is_refused(own: Server, ending: str) -> None:
    alice = own.person("alice")
    create_record(alice.client, RESOURCES[2], alice)
    caller = Caller(own.services, alice.id, device_of(alice), "person", "UTC", is_authenticated=True)

    async def disconnected() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def begin() -> None:
        await own.services.data_keys.of(alice.id)  # cached: only the statement of the export can notice
        if ending == "closed":
            async with own.db.transaction() as tx:
                await closing.close(tx, own.services, alice.id, EndedBy.OPERATOR)
        else:
            await erasing.erase(own.services, alice.id, again=True)
        await anext(export(own_records(caller), ClientConnection(disconnected)))

    with pytest.raises(NotSignedIn):
        own.run(begin())


def test_pushes_beside_a_closing_are_complete_or_refused(server: Server, anyone: Client, alice: Person) -> None:
    drafts = [draft_of(RESOURCES[2], alice) for _ in range(7)]

    def act(device: int) -> int:
        if device == 0:
            close(alice)
            return 202
        return server.client(alice.token).post(RESOURCES[2].path, json=drafts[device - 1]).status_code

    statuses = at_once(act, 8)
    assert set(statuses) <= {202, 201, 401}
    code = server.mailbox.code_to(alice.email)
    tokens = anyone.post("/v1/auth/reopen", json={"email": alice.email, "code": code}).json()
    kept = server.client(tokens["access_token"]).get(RESOURCES[2].path).json()["items"]
    assert len(kept) == statuses.count(201)


def test_erase_leaves_no_row_and_no_name_in_any_table(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "BATCH_SIZE", 2)
    alice, bob = own.person("alice"), own.person("bob")
    assert command(own, "restored", "--yes").status == 0
    alice, bob = own.on_another_device(alice), own.on_another_device(bob)
    ids, others = fill(own, alice), fill(own, bob)
    turn_on(alice)
    names = [alice.email, str(alice.id), *ids]
    assert traces(own, *names) == names
    every_table = {deletion.table.name for deletion in personal_rows.deletions()}
    assert {*rows_left(own, alice)} == every_table - {"reopen_code"}
    without_jobs(own)
    close(alice)
    assert rows_left(own, alice)["reopen_code"] == 1
    assert command(own, "erase").out == "Erased: accounts 0.\n"
    without_jobs(own)
    with later(days=14, seconds=1):
        assert command(own, "upkeep").out.startswith("Erased: accounts 1.\nPurged: ")
    assert rows_left(own, alice) == {}
    assert traces(own, *names) == []
    assert traces(own, *others) == others
    assert len(read_entries(own.settings.ledger_file)) == 1
    assert own.settings.ledger_file.stat().st_mode & 0o777 == 0o600
    assert str(alice.id).encode() not in own.settings.ledger_file.read_bytes()
    assert own.anyone.post("/v1/auth/register", json={"email": alice.email, "password": PASSWORD}).status_code == 202


def test_immediately_erases_by_itself(own: Server) -> None:
    alice = own.person("alice")
    ids = fill(own, alice)
    assert close(alice, immediately=True) == str(datetime.now(UTC).date())
    names = [alice.email, str(alice.id), *ids]
    wait_until(lambda: traces(own, *names) == [])
    texts: list[str] = []
    while not texts or "were erased" not in texts[-1]:
        texts.append(own.mailbox.text_to(alice.email))
    assert rows_left(own, alice) == {}
    for path in ("/v1/me", "/v1/sync", "/v1/sync/changes", RESOURCES[0].path):
        assert alice.client.get(path).status_code == 401, path


class KilledError(BaseException):
    """The process was killed."""


def test_an_erasure_that_was_killed_at_any_transaction_continues(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = own.person("alice")
    fill(own, alice)
    without_jobs(own)
    real, left = background_transaction, [0]

    def killing(db: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise KilledError
        return real(db)  # type: ignore[arg-type]

    monkeypatch.setattr(erasing, "background_transaction", killing)
    kills, done = 0, False
    while not done:
        left[0] = kills + 1
        try:
            done = own.run(erasing.erase(own.services, alice.id, again=True))
        except KilledError:
            kills += 1
            assert alice.client.get("/v1/me").status_code == 401
    assert kills > 5
    assert rows_left(own, alice) == {}
    assert len(read_entries(own.settings.ledger_file)) == 1


def test_two_erasures_at_once_erase_one_account_once(own: Server) -> None:
    alice = own.person("alice")
    fill(own, alice)

    async def both() -> list[bool]:
        return await asyncio.gather(*(erasing.erase(own.services, alice.id, again=True) for _ in range(2)))

    assert sorted(own.run(both())) == [False, True]
    assert rows_left(own, alice) == {}


def test_a_reopening_beside_an_erasure_either_keeps_or_loses_all(own: Server) -> None:
    for shift in (-1.0, 1.0):
        alice = own.person("alice")
        close(alice)
        code = own.mailbox.code_to(alice.email)

        def act(device: int, email: str = alice.email, id: UUID = alice.id, code: str = code) -> int:
            if device:
                return reopen(own.client(), email, code)
            return int(own.run(erasing.erase(own.services, id)))

        with later(days=14, seconds=shift):
            statuses = at_once(act, 2)
        assert statuses in ([0, 200], [1, 401])


def test_restored_erases_the_ledgers_accounts_again(own: Server, tmp_path: Path) -> None:
    alice, bob = own.person("alice"), own.person("bob")
    fill(own, alice)
    ledger, further = own.settings.ledger_file, tmp_path / "further"
    missing = command(own, "restored", "--yes")
    assert missing.status == 0
    assert f"there is no ledger of erasures ({ledger})" in missing.err
    Ledger(further, own.services.keyring).add(alice.id)  # the database is now a backup of before the erasure
    again = command(own, "restored", "--yes", "--ledger", str(further))
    assert again.out.startswith("Accounts erased again: 1.\n")
    assert rows_left(own, alice) == {}
    assert login(own.anyone, bob.email) == 200
    assert read_entries(ledger) == read_entries(further)
    ledger.write_bytes(ledger.read_bytes() + b"wisteria\n")
    damaged = command(own, "restored", "--yes")
    assert_fails(damaged, r"line 2 of the ledger of erasures, [^\n]+, is damaged: [^\n]+; nothing was changed")
    absent = command(own, "restored", "--yes", "--ledger", str(tmp_path / "absent"), ledger=str(tmp_path / "none"))
    assert_fails(
        absent, r"the ledger of erasures, [^\n]+, cannot be read \(No such file or directory\); nothing was changed"
    )


def test_without_a_writable_ledger_nothing_is_erased(own: Server, tmp_path: Path) -> None:
    alice = own.person("alice")
    close(alice)
    with later(days=14, seconds=1):
        for arguments in (["erase"], ["restored", "--yes"]):
            Ledger(tmp_path / "entries", own.services.keyring).add(alice.id)
            more = ["--ledger", str(tmp_path / "entries")] if arguments != ["erase"] else []
            refused = command(own, *arguments, *more, ledger=str(tmp_path / "no" / "ledger"))
            assert refused.status == 1
            assert "cannot be written (No such file or directory): nothing was erased" in refused.err
        assert command(own, "erase").out == "Erased: accounts 1.\n"


def test_a_ledger_keeps_the_entries_of_concurrent_writers(keyring: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b"0" * 10)  # an entry that a crash cut off
    ids = [UUID(int=number) for number in range(8)]
    at_once(lambda n: Ledger(path, Keyring(keyring)).add(ids[n % 4]), 8)
    lines = path.read_bytes().splitlines()
    assert sorted(lines[1:]) == sorted(Ledger(path, Keyring(keyring)).entry(id) for id in ids[:4])
    with pytest.raises(LedgerError, match="line 1 "):
        read_entries(path)


def test_the_operator_closes_with_an_erasure_and_reopens(server: Server, alice: Person) -> None:
    assert command(server, "account", "close", alice.email, "--erase").out.startswith(f"Closed {alice.email}.")
    assert ", erased 20" in command(server, "account", "show", alice.email).out
    assert command(server, "account", "close", alice.email).out == f"{alice.email} is already closed.\n"
    assert command(server, "account", "reopen", alice.email).out == f"Reopened {alice.email}.\n"
