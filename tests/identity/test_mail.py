"""Mail: an e-mail goes to the e-mail address it is for, and one that cannot be sent costs no request."""

import asyncio
import email
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import Message
from pathlib import Path

import httpx2 as httpx
import pytest
import sqlalchemy as sa

from app.db import Statement, bind, open_database
from app.ids import new_id
from app.jobs import JobRecord, Jobs, jobs
from app.mail import Email, Mailer
from app.settings import MailBackend, Settings
from tests.conftest import Databases, Servers
from tests.db.helpers import with_database
from tests.house.commands import running_server
from tests.house.starting import started_server
from tests.jobs.conftest import CIPHER
from tests.serving import PASSWORD
from tests.waiting import wait_until
from tests.witness import Client

Lines = list[bytes]
ALL = Statement(sa.select(JobRecord.table()))
END_LEASES = Statement(sa.update(JobRecord.table()).values(due_at=bind(JobRecord.table().c.due_at)))


@contextmanager
def smtp_server(answers: dict[bytes, bytes], refusals: int = 0) -> Iterator[tuple[int, Lines, list[Message]]]:
    """Serve SMTP that answers verbs so, and refuses the first DATA commands for a while; keep the lines and the e-mails."""
    heard: Lines = []
    received: list[Message] = []
    left = iter(range(refusals))

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                heard.append(line.rstrip())
                answer = ({b"QUIT": b"221 bye"} | answers).get(line[:4].upper(), b"250 yes")
                self.wfile.write(answer + b"\r\n")
                if answer.startswith(b"354"):
                    parts = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        parts.append(part)
                    received.append(email.message_from_bytes(b"".join(parts)))
                    self.wfile.write(b"451 later\r\n" if next(left, None) is not None else b"250 yes\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], heard, received
        server.shutdown()


@pytest.fixture
def database_url(databases: Databases) -> str:
    return databases.fresh("sqlite")


def settings(database_url: str, port: int, **changes: object) -> Settings:
    known = {"mail": MailBackend.SMTP, "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_starttls": False}
    return Settings.model_validate(known | {"database_url": database_url} | changes)


def send(settings: Settings, to: str = "wisteria@example.com", *, attempts: int = 1) -> list[int]:
    """Queue an e-mail, and run the queue until it is gone or was tried so often; return the attempts of what is left."""

    async def main() -> list[int]:
        db = open_database(settings)
        queue = Jobs(db, CIPHER)
        mailer = Mailer(settings, queue)
        async with db.transaction() as tx:
            await mailer.queue(tx, Email(to, "A subject", "Code: 123456\n\nwisteria"))
        queue.start()
        async with asyncio.timeout(10):
            while any(row["due_at"] <= row["created_at"] or row["attempts"] < attempts for row in await db.all(ALL)):  # noqa: ASYNC110 - rows have no event
                await asyncio.sleep(0.02)
        await queue.stop()
        mailer.close()
        left = [row["attempts"] for row in await db.all(ALL)]
        await db.close()
        return left

    return asyncio.run(main())


GREETING = {b"EHLO": b"250-here\r\n250-SMTPUTF8\r\n250 AUTH PLAIN", b"AUTH": b"235 yes", b"DATA": b"354 go on"}


def test_an_e_mail_is_sent_after_a_login(database_url: str) -> None:
    with smtp_server(GREETING) as (port, heard, _):
        assert send(settings(database_url, port, smtp_user="afterglow", smtp_password="secret")) == []
    assert b"AUTH PLAIN AGFmdGVyZ2xvdwBzZWNyZXQ=" in heard
    assert b"rcpt TO:<wisteria@example.com>" in [line.replace(b"RCPT", b"rcpt") for line in heard]


@pytest.mark.parametrize("address", ["=?utf-8?q?bob=40example.com?=@example.org", "o'wisteria+a{b}@example.com"])
def test_an_e_mail_goes_to_the_e_mail_address_as_it_was_given(database_url: str, address: str) -> None:
    with smtp_server(GREETING) as (port, heard, _):
        assert send(settings(database_url, port), address) == []
    assert [line[8:] for line in heard if line[:4].upper() == b"RCPT"] == [f"<{address}>".encode()]


@pytest.mark.parametrize(("refusals", "was_sent"), [(0, True), (1, False)], ids=["accepted", "refused"])
def test_an_e_mail_that_is_sent_once_is_not_stored_and_not_retried(
    database_url: str, refusals: int, *, was_sent: bool
) -> None:
    async def send_once(port: int) -> tuple[bool, int]:
        known = settings(database_url, port)
        db = open_database(known)
        mailer = Mailer(known, Jobs(db, CIPHER))
        sent = await mailer.send_once(Email("wisteria@example.com", "A subject", "wisteria"))
        mailer.close()
        left = len(await db.all(ALL))
        await db.close()
        return sent, left

    with smtp_server(GREETING, refusals=refusals) as (port, _, received):
        assert asyncio.run(send_once(port)) == (was_sent, 0)
    assert len(received) == 1


@pytest.mark.usefixtures("quick")
def test_a_retried_e_mail_has_the_same_date_and_message_id(database_url: str) -> None:
    with smtp_server(GREETING, refusals=2) as (port, _, received):
        assert send(settings(database_url, port, issuer="https://api.wisteria.example"), attempts=10) == []
    assert len(received) == 3
    assert len({(message["Message-ID"], message["Date"]) for message in received}) == 1
    assert received[0]["Message-ID"].endswith("@api.wisteria.example>")
    assert datetime.strptime(received[0]["Date"], "%a, %d %b %Y %H:%M:%S %z") is not None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry within hundredths of a second."""
    monkeypatch.setattr(jobs, "MIN_BACKOFF", 0.02)
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)


FAILING: dict[str, tuple[dict[bytes, bytes], dict[str, object], str]] = {
    "no encryption": ({}, {"smtp_starttls": True}, "SMTPNotSupportedError"),
    "encryption refused": (
        {b"EHLO": b"250-here\r\n250 STARTTLS", b"STAR": b"454 no"},
        {"smtp_starttls": True},
        "SMTPResponseException",
    ),
    "login refused": (GREETING | {b"AUTH": b"535 no"}, {"smtp_user": "a"}, "SMTPAuthenticationError"),
    "login unspeakable": (GREETING, {"smtp_user": "ä", "smtp_password": "ß"}, "UnicodeEncodeError"),
    "recipient refused": (GREETING | {b"RCPT": b"550 no wisteria here"}, {}, "SMTPRecipientsRefused"),
    "recipient refused for now": (GREETING | {b"RCPT": b"450 try later"}, {}, "SMTPRecipientsRefused"),
    "e-mail refused": (GREETING | {b"DATA": b"554 no"}, {}, "SMTPDataError"),
}


PERMANENT = {"recipient refused", "e-mail refused"}


@pytest.mark.parametrize("name", FAILING)
def test_an_e_mail_that_cannot_be_sent_is_logged_without_its_e_mail_address(
    database_url: str, every_log_line: list[str], name: str
) -> None:
    answers, changes, error = FAILING[name]
    begin = len(every_log_line)
    with smtp_server(answers) as (port, _, _):
        assert send(settings(database_url, port, **changes)) == ([] if name in PERMANENT else [1])
    event = "job-dropped" if name in PERMANENT else "job-failed"
    (line,) = (line for line in every_log_line[begin:] if f'"{event}"' in line and f'"{error}"' in line)
    assert '"level":"error"' in line


@pytest.mark.usefixtures("quick")
def test_an_e_mail_is_sent_once_the_mail_server_is_back(servers: Servers, database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = servers.start(servers.settings(database, smtp_port=port))
        to = f"wisteria.{new_id().hex}@example.com"
        assert server.anyone.post("/v1/auth/register", json={"email": to, "password": PASSWORD}).status_code == 202
        wait_until(lambda: server.run(server.db.all(ALL))[0]["attempts"] > 1)
    vars(server.services.settings)["smtp_port"] = server.mailbox.port
    code = server.mailbox.code_to(to)
    assert server.anyone.post("/v1/auth/verify", json={"email": to, "code": code}).status_code == 200
    wait_until(lambda: server.run(server.db.all(ALL)) == [])


def test_an_e_mail_survives_a_process_that_is_killed_before_it_is_sent(servers: Servers, database: str) -> None:
    settings = servers.settings(database)
    to = f"wisteria.{new_id().hex}@example.com"
    environment = {"database_url": settings.database_url, "keyring": str(settings.keyring)}
    with silence() as (port, connected):
        mail = {"mail": "smtp", "smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_starttls": "false"}
        with running_server(**environment, **mail) as (url, _), Client(url) as anyone:  # killed at the end of the block
            assert anyone.post("/v1/auth/register", json={"email": to, "password": PASSWORD}).status_code == 202
            assert connected.wait(10)  # the job is claimed: the server below cannot run it before its lease ends
    server = servers.start(settings)
    (left,) = server.run(server.db.all(ALL))
    assert left["attempts"] == 1
    server.run(server.db.run(END_LEASES, due_at=left["created_at"]))
    server.services.jobs.wake()
    code = server.mailbox.code_to(to)
    assert server.anyone.post("/v1/auth/verify", json={"email": to, "code": code}).status_code == 200


KILLED_AFTER_THE_COMMIT = """
import os, signal, sys
import uvicorn
from app.jobs import Jobs
from app.main import create_app

start = Jobs.start

def start_and_replace_wake(jobs):
    start(jobs)
    jobs.wake = lambda: os.kill(os.getpid(), signal.SIGKILL)

Jobs.start = start_and_replace_wake
uvicorn.run(create_app(), port=int(sys.argv[2]), log_level="error")
"""
"""A server whose process is killed after a transaction has added a job, before the job is claimed."""


def test_an_e_mail_is_sent_once_if_the_process_is_killed_between_the_commit_and_the_claim(
    servers: Servers, database: str, tmp_path: Path
) -> None:
    settings = servers.settings(database)
    to = f"wisteria.{new_id().hex}@example.com"
    environment = {
        "AFTERGLOW_DATABASE_URL": settings.database_url,
        "AFTERGLOW_KEYRING": str(settings.keyring),
        "AFTERGLOW_MAIL": "smtp",
        "AFTERGLOW_SMTP_HOST": settings.smtp_host,
        "AFTERGLOW_SMTP_PORT": str(settings.smtp_port),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with (
        started_server([sys.executable, "-c", KILLED_AFTER_THE_COMMIT], tmp_path, **environment) as url,
        httpx.Client() as client,
        pytest.raises(httpx.TransportError),
    ):
        client.post(f"{url}/v1/auth/register", json={"email": to, "password": PASSWORD})
    (left,) = with_database(settings, lambda db: db.all(ALL))
    assert (left["attempts"], left["due_at"]) == (0, left["created_at"])
    server = servers.start(settings)
    code = server.mailbox.code_to(to)
    wait_until(lambda: server.run(server.db.all(ALL)) == [])
    assert server.mailbox.is_empty(to)
    assert server.anyone.post("/v1/auth/verify", json={"email": to, "code": code}).status_code == 200


@contextmanager
def silence() -> Iterator[tuple[int, threading.Event]]:
    """Accept connections without sending a byte until the block ends; yield the port, and an event set by the first."""
    connected, ended = threading.Event(), threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connected.set()
            ended.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], connected
        ended.set()
        server.shutdown()


def test_a_mail_server_that_hangs_delays_no_sign_in(
    servers: Servers, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", 0.1)
    with silence() as (port, _):
        server = servers.start(servers.settings(database, smtp_port=port, smtp_seconds=600))
        alice = server.person("alice")
        for _ in range(40):  # more e-mails than are sent at once
            to = f"wisteria.{new_id().hex}@example.com"
            assert server.anyone.post("/v1/auth/password/forgot", json={"email": to}).status_code == 202
        login = {"email": alice.email, "password": PASSWORD}
        assert server.anyone.post("/v1/auth/login", json=login).status_code == 200
        server.end_test()


def test_the_console_prints_a_block_with_the_code_on_a_line(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    send(Settings(database_url=database_url, mail=MailBackend.CONSOLE))
    lines = capsys.readouterr().out.splitlines()
    rule = "-" * 60
    assert lines == [
        "",
        rule,
        "To: wisteria@example.com",
        "Subject: A subject",
        "",
        "Code: 123456",
        "",
        "wisteria",
        rule,
    ]
