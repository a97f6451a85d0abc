"""Mail: a letter goes where it is addressed, and one that cannot go costs nobody their request."""

import asyncio
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.ids import new_id
from app.mail import Email, Mail
from app.settings import MailBackend, Settings
from tests.conftest import Servers
from tests.serving import PASSWORD

Lines = list[bytes]


@contextmanager
def post_office(answers: dict[bytes, bytes]) -> Iterator[tuple[int, Lines]]:
    """Serve SMTP that gives these answers to these verbs, and keep the lines that came."""
    heard: Lines = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                heard.append(line.rstrip())
                answer = ({b"QUIT": b"221 bye"} | answers).get(line[:4].upper(), b"250 yes")
                self.wfile.write(answer + b"\r\n")
                if answer.startswith(b"354"):
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self.wfile.write(b"250 yes\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], heard
        server.shutdown()


def settings(port: int, **changes: object) -> Settings:
    known = {"mail": MailBackend.SMTP, "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_starttls": False}
    return Settings.model_validate(known | changes)


def posted(settings: Settings, to: str = "wisteria@example.com") -> None:
    async def post() -> None:
        mail = Mail(settings)
        mail.send(Email(to, "A letter", "Code: 123456\n\nwisteria"))
        await mail.close()

    asyncio.run(post())


GREETING = {b"EHLO": b"250-here\r\n250-SMTPUTF8\r\n250 AUTH PLAIN", b"AUTH": b"235 yes", b"DATA": b"354 go on"}


def test_a_letter_goes_out_after_a_login() -> None:
    with post_office(GREETING) as (port, heard):
        posted(settings(port, smtp_user="afterglow", smtp_password="secret"))
    assert b"AUTH PLAIN AGFmdGVyZ2xvdwBzZWNyZXQ=" in heard
    assert b"rcpt TO:<wisteria@example.com>" in [line.replace(b"RCPT", b"rcpt") for line in heard]


@pytest.mark.parametrize("address", ["=?utf-8?q?bob=40example.com?=@example.org", "o'wisteria+a{b}@example.com"])
def test_a_letter_goes_to_the_address_as_it_was_given(address: str) -> None:
    with post_office(GREETING) as (port, heard):
        posted(settings(port), address)
    assert [line[8:] for line in heard if line[:4].upper() == b"RCPT"] == [f"<{address}>".encode()]


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
    "letter refused": (GREETING | {b"DATA": b"554 no"}, {}, "SMTPDataError"),
}


@pytest.mark.parametrize(("answers", "changes", "error"), FAILING.values(), ids=FAILING)
def test_a_letter_that_cannot_go_is_logged_without_its_address(
    every_log_line: list[str], answers: dict[bytes, bytes], changes: dict[str, object], error: str
) -> None:
    begin = len(every_log_line)
    with post_office(answers) as (port, _):
        posted(settings(port, **changes))
    (line,) = (line for line in every_log_line[begin:] if '"mail-failed"' in line)  # other servers speak, too
    assert f'"{error}"' in line


def test_a_mail_server_that_is_away_costs_nobody_their_request(
    servers: Servers, database: str, every_log_line: list[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = servers.start(servers.settings(database, smtp_port=taken.getsockname()[1]))
        email = f"wisteria.{new_id().hex}@example.com"
        response = server.anyone.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
        assert response.status_code == 202
        server.run(server.services.mail.close())
    assert any('"mail-failed"' in line for line in every_log_line)


@contextmanager
def silence() -> Iterator[int]:
    """Take connections, and say nothing on any of them until the block ends."""
    enough = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            enough.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        enough.set()
        server.shutdown()


def test_a_mail_server_that_hangs_holds_up_nobodys_password(servers: Servers, database: str) -> None:
    with silence() as port:
        server = servers.start(servers.settings(database, smtp_port=port, smtp_seconds=600))
        alice = server.person("alice")
        for _ in range(40):  # more letters than a loop has threads of its own
            email = f"wisteria.{new_id().hex}@example.com"
            assert server.anyone.post("/v1/auth/password/forgot", json={"email": email}).status_code == 202
        login = {"email": alice.email, "password": PASSWORD}
        assert server.anyone.post("/v1/auth/login", json=login).status_code == 200
        server.end_test()
    server.run(server.services.mail.close())


def test_the_console_prints_a_block_with_the_code_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    posted(Settings(mail=MailBackend.CONSOLE))
    lines = capsys.readouterr().out.splitlines()
    rule = "-" * 60
    assert lines == [
        "",
        rule,
        "To: wisteria@example.com",
        "Subject: A letter",
        "",
        "Code: 123456",
        "",
        "wisteria",
        rule,
    ]
