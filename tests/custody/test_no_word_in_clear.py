"""No word in clear: what people write is sent through every door of a real server, and then nothing that the server, its
database or its crash leaves behind contains it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests import postgres
from tests.clinics.clients import SCOPES
from tests.clinics.keys import ec_key, key_set, public_jwk
from tests.custody.clinic_doors import act_for_a_clinic
from tests.custody.doors import SECONDS, Marks, sign_in_anew, write_through_every_door
from tests.custody.traces import files_in, forms_of, traces_in
from tests.hostile.chance import RecordProperty
from tests.house.commands import AFTERGLOW
from tests.house.starting import free_port, is_alive
from tests.mailbox import Mailbox
from tests.witness import DOCUMENT

POSTGRES = (
    *("logging_collector=on", "log_statement=all", "log_min_duration_statement=0", "log_error_verbosity=verbose"),
    *("log_parameter_max_length=-1", "log_parameter_max_length_on_error=-1", "log_min_messages=debug1"),
)
"""PostgreSQL logs every statement with its parameters."""
SERVE = """
import logging
from app import observability
from app.cli import main
from app.records.write import engine

for logger in (observability.LOGGING["root"], observability.LOGGING["loggers"]["uvicorn"]):
    logger["level"] = "DEBUG"
settled = engine.settled

def crash(view, resource, values, before):
    if "crash" in str(values.get(resource.text)):
        raise RuntimeError(values)
    return settled(view, resource, values, before)

engine.settled = crash
main()
"""
"""Serves in Python's development mode with all log levels, and crashes at the word `crash`."""

IN_EMAILS = ("Code: ", "has not changed.")
"""Texts of e-mails, which wait as jobs."""
OPERATIONS = {
    (method.upper(), path)
    for path, operations in DOCUMENT.paths.items()
    for method in operations
    if method != "parameters"
}
CORE_DUMPS = ("sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")
"""Lets a process that crashes write its memory to a file, as far as the machine allows it."""
LEASE_SECONDS = 90
"""More than the lease of a job, which the killed server may have held."""


class Place:
    """A folder with a server's files, and its database."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.temporary = folder / "serving", folder / "tmp"
        self.log_file = self.folder / "server.log"
        self.folder.mkdir()
        self.temporary.mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AFTERGLOW_")}
        self.environment |= {"TMPDIR": str(self.temporary), "AFTERGLOW_DATABASE_URL": database_url}
        self.environment |= {"AFTERGLOW_MAIL": "smtp", "AFTERGLOW_SMTP_STARTTLS": "false", "PYTHONFAULTHANDLER": "1"}

    def run(self, *arguments: str, stdin: str = "") -> bytes:
        """Run a command; keep and return its output."""
        with (self.folder / "commands.log").open("ab") as log:
            command, sent = [str(AFTERGLOW), *arguments], stdin.encode()
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                input=sent,
                stdout=subprocess.PIPE,
                stderr=log,
                check=True,
            )
            log.write(done.stdout)
        return done.stdout

    def add_client(self) -> tuple[UUID, str]:
        """Add a clinic with a client that has the EC key of the tests; return the client's id and the clinic's share code."""
        file = self.folder / "keys.json"
        file.write_bytes(key_set(public_jwk(ec_key(), "ec")))
        clinic = json.loads(self.run("clinic", "add", "A clinic", "--json"))["clinic"]
        keys = ["--jwks", str(file), "--scope", f"{SCOPES} system/Subscription.cruds", "--json"]
        client_id = UUID(json.loads(self.run("clinic", "client", "add", clinic["id"], *keys))["client"]["id"])
        return client_id, clinic["share_code"]

    @contextmanager
    def serving(self, smtp_port: int) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
        """Serve, and keep the output."""
        url = f"http://127.0.0.1:{free_port()}"
        settings = {"AFTERGLOW_SMTP_HOST": "127.0.0.1", "AFTERGLOW_SMTP_PORT": str(smtp_port)}
        with self.log_file.open("ab") as log:
            server = subprocess.Popen(
                [*CORE_DUMPS, sys.executable, "-X", "dev", "-c", SERVE, "serve", "--port", url.rpartition(":")[2]],
                cwd=self.folder,
                env=self.environment | settings,
                stdout=log,
                stderr=log,
            )
            try:
                wait(lambda: is_alive(url))
                yield url, server
            finally:
                server.kill()
                server.wait(SECONDS)

    def log(self) -> str:
        """Return what the servers have printed."""
        return self.log_file.read_text(errors="replace")


def wait(condition: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("form", forms_of("wisteria").keys())
@pytest.mark.parametrize("around", [b"", b"a", b"ab", b"abc"], ids=len)
def test_a_word_is_found_in_every_form(form: str, around: bytes) -> None:
    planted = forms_of("wisteriaabcdefghij")[form]
    assert traces_in(around + planted + around, ["wisteriaabcdefghij"])
    assert traces_in(b"\0" + zlib.compress(around + planted), ["wisteriaabcdefghij"])
    assert not traces_in(around + planted[:8], ["wisteriaabcdefghij"])


@pytest.fixture
def place(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Place, list[Path]]]:
    """A place to serve in, and the folders with everything that the server and its database write."""
    if database == "sqlite":
        found = Place(tmp_path, "sqlite:///afterglow.db")
        yield found, [found.folder, found.temporary]
        return
    monkeypatch.delenv(postgres.URL, raising=False)  # its own server, whose files can be searched
    with postgres.running(*POSTGRES) as url:
        found = Place(tmp_path, url)
        yield found, [found.folder, found.temporary, Path(url.partition("host=")[2])]


@pytest.mark.timeout(300)
def test_nothing_that_a_server_leaves_behind_contains_a_word(
    place: tuple[Place, list[Path]], database: str, record_property: RecordProperty
) -> None:
    (serving, folders), marks = place, Marks()
    serving.run("migrate")
    serving.run("account", "add", marks.email, stdin=marks.password)
    client = serving.add_client()
    with serving.serving(free_port()) as (url, server):  # no SMTP server listens: each e-mail stays a job
        assert "Max core file size        1 " in Path(f"/proc/{server.pid}/limits").read_text()
        act_for_a_clinic(url, marks, *client)
        write_through_every_door(url, marks)
        wait(lambda: "job-failed" in serving.log())
        search(serving, folders, marks)
        server.send_signal(signal.SIGABRT)
        server.wait(SECONDS)
    assert "Fatal Python error: Aborted" in serving.log()
    assert "RuntimeError" in serving.log()
    with Mailbox(LEASE_SECONDS) as mailbox, serving.serving(mailbox.port) as (url, server):
        sign_in_anew(url, marks, mailbox)
        server.terminate()
        server.wait(SECONDS)
    size, count = search(serving, folders, marks)
    serving.run("verify-seals")
    assert OPERATIONS - marks.called == set()
    record_property("summary", f"no word in clear, {database}: {size:,} bytes in {count} files were searched")


def search(serving: Place, folders: list[Path], marks: Marks) -> tuple[int, int]:
    """Search everything; return how many bytes in how many files."""
    size = count = 0
    dump(serving)
    for path in files_in(*folders):
        content = path.read_bytes()
        words = [*marks.secret, *IN_EMAILS]
        is_of_server = path == serving.log_file or serving.temporary in path.parents
        assert not path.name.startswith("core"), path
        assert traces_in(content, words + ([marks.name] if is_of_server else [])) == [], path
        size, count = size + len(content), count + 1
    assert size > 100_000
    return size, count


def dump(serving: Place) -> None:
    """Dump a PostgreSQL database to a file, after its memory was written to its files."""
    url = serving.environment["AFTERGLOW_DATABASE_URL"]
    if url.startswith("sqlite"):
        return
    programs = f"{postgres.binaries()}{os.pathsep}{os.environ['PATH']}"
    connect = ["-h", url.partition("host=")[2], "-U", "postgres"]
    pg_dump = shutil.which("pg_dump", path=programs)
    psql = shutil.which("psql", path=programs)
    for program, arguments in (
        (psql, ["-c", "CHECKPOINT", "postgres"]),
        (pg_dump, ["-f", serving.folder / "dump.sql", "postgres"]),
    ):
        assert program is not None
        subprocess.run([program, *connect, *arguments], check=True, capture_output=True)
