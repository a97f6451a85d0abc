"""Checks whether response times reveal who has an account: `uv run python -m tests.bench.alike`.

A server on each database, with its default limits and mail by SMTP, gets requests to register, to reset a password, to
sign in, and for codes, for e-mail addresses with and without an account in turn; with `--more` also for closed accounts,
and for unverified ones. It prints the median times in milliseconds of the response and of a request that follows at once,
and their ratios. The exit status is 1 if two medians differ by more than a tenth. Two responses that differ in a byte are
an error.
"""

import asyncio
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app import clock
from app.db import open_database
from app.identity.accounts import NewAccount, create_account
from app.ids import new_id
from app.keyring import Keyring
from app.settings import Settings
from tests import postgres
from tests.hostile.raw import RawConnection
from tests.house.starting import started_server
from tests.identity.operator import CLOSE
from tests.mailbox import Mailbox
from tests.serving import PASSWORD, password_hash

AFTERGLOW: Final = str(Path(sys.executable).with_name("afterglow"))
TRIES: Final = 200
TRIES_EACH: Final = 5
"""How many requests are sent for one e-mail address: as many as its limits allow."""
MOST: Final = 0.1
JSON: Final = [("Content-Type", "application/json")]
Addresses = list[str]
Body = Callable[[str], dict[str, str]]
QUESTIONS: Final[dict[str, Body]] = {
    "register": lambda email: {"email": email, "password": PASSWORD},
    "password/forgot": lambda email: {"email": email},
    "login": lambda email: {"email": email, "password": "not this one"},
    "verify": lambda email: {"email": email, "code": "000000"},
    "password/reset": lambda email: {"email": email, "code": "0000000000", "new": PASSWORD},
}


def addresses(name: str) -> Addresses:
    """Return this number of e-mail addresses."""
    return [f"{name}.{new_id().hex}@example.com" for _ in range(TRIES // TRIES_EACH)]


async def _join(settings: Settings, emails: Addresses, *, closed: bool) -> None:
    db = open_database(settings)
    await db.open()
    keyring = Keyring(settings.keyring)
    for email in emails:
        async with db.transaction() as tx:
            id = await create_account(tx, keyring, NewAccount(email, password_hash()))
            if closed:
                await tx.run(CLOSE, id=id, closed_at=clock.now())
    await db.close()


def ask(connection: RawConnection, path: str, body: dict[str, str]) -> tuple[float, float, tuple[Any, ...]]:
    """Return the milliseconds of a response, those of a request that follows at once, and the comparable parts of the response."""
    content = json.dumps(body).encode()
    begin = time.perf_counter()
    reply = connection.request("POST", f"/v1/auth/{path}", [*JSON, ("X-Request-Id", "the-same")], content)
    between = time.perf_counter()
    connection.request("GET", "/livez")
    end = time.perf_counter()
    said = reply.status, reply.body, sorted((name, value) for name, value in reply.headers.items() if name != "date")
    return (between - begin) * 1000, (end - between) * 1000, said


def compare(connection: RawConnection, path: str, groups: dict[str, Addresses]) -> dict[str, tuple[float, float]]:
    """Send requests for each group's addresses in turn; return both medians of each group; raise if two responses differ."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in groups}
    said = set()
    for number in range(TRIES):
        for name in random.sample(list(groups), len(groups)):
            emails = groups[name]
            answered, followed, told = ask(connection, path, QUESTIONS[path](emails[number % len(emails)]))
            seen[name].append((answered, followed))
            said.add(repr(told))
            time.sleep(0.01)  # until the background jobs are done
    if len(said) != 1:
        raise AssertionError(said)
    return {name: (_median(0, pairs), _median(1, pairs)) for name, pairs in seen.items()}


def _median(place: int, pairs: list[tuple[float, float]]) -> float:
    return statistics.median(pair[place] for pair in pairs)


def _mail_server(told: Connection) -> None:
    with Mailbox() as box:
        told.send(box.port)
        told.recv()


@contextmanager
def mail_server() -> Iterator[int]:
    """Run a mail server in another process, so that it does not affect the times."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_mail_server, args=(there,))
    process.start()
    yield here.recv()
    here.send(None)
    process.join()


def measure(kind: str, url: str, folder: Path, names: tuple[str, ...], only: list[str]) -> bool:
    """Measure all requests on one database and print the results; return whether the times are alike."""
    alike = True
    with mail_server() as port:
        settings = Settings.model_validate({"database_url": url})
        environment = {
            "AFTERGLOW_DATABASE_URL": url,
            "AFTERGLOW_MAIL": "smtp",
            "AFTERGLOW_SMTP_HOST": "127.0.0.1",
            "AFTERGLOW_SMTP_PORT": str(port),
            "AFTERGLOW_SMTP_STARTTLS": "false",
            "AFTERGLOW_THROTTLE_CLIENT": "1000000",
            "AFTERGLOW_THROTTLE_SIGN_IN": "1000000",
            "AFTERGLOW_THROTTLE_MAIL": "1000000",
        }
        with started_server([AFTERGLOW, "serve"], folder, **environment) as address:
            host, _, number = address.removeprefix("http://").partition(":")
            with RawConnection((host, int(number))) as connection:
                for path in only:
                    groups = {name: addresses(name) for name in names}
                    for name in {*names} & {"known", "closed"}:
                        asyncio.run(_join(settings, groups[name], closed=name == "closed"))
                    for email in groups.get("waiting", ()):
                        ask(connection, "register", QUESTIONS["register"](email))
                    medians = compare(connection, path, groups)
                    alike &= _told(kind, path, medians)
    return alike


def _told(kind: str, path: str, medians: dict[str, tuple[float, float]]) -> bool:
    first, *others = medians
    ratios = [medians[name][0] / medians[first][0] for name in others]
    shown = "  ".join(
        f"{name} {answered:7.2f} (×{answered / medians[first][0]:.3f}), after {followed:5.2f}"  # noqa: RUF001
        for name, (answered, followed) in medians.items()
    )
    print(f"{kind:10}  {path:15}  {shown}", flush=True)
    return all(abs(ratio - 1) <= MOST for ratio in ratios)


def main(
    *,
    only: Annotated[str, typer.Option(help="Requests, separated by commas.")] = ",".join(QUESTIONS),
    database: Annotated[str, typer.Option(help="postgresql or sqlite; both by default.")] = "postgresql,sqlite",
    more: Annotated[bool, typer.Option("--more", help="Also use closed and unverified accounts.")] = False,
) -> None:
    """Check whether response times reveal who has an account."""
    names = ("unknown", "known", "closed", "waiting") if more else ("unknown", "known")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"sqlite": f"sqlite:///{folder / 'alike.db'}", "postgresql": stack.enter_context(postgres.running())}
        alike = [measure(kind, urls[kind], folder, names, only.split(",")) for kind in database.split(",")]
    raise typer.Exit(0 if all(alike) else 1)


if __name__ == "__main__":
    typer.run(main)
