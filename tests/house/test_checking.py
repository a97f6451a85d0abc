"""Checks before a start: the database of a production server, and work in a child process that fails."""

from functools import partial
from pathlib import Path

import pytest
import typer

from app import starting
from app.cli.checking import check_database
from app.cli.preparing import prepare
from app.keyring.rotation import create_keyring
from app.settings import Settings
from tests.conftest import Databases
from tests.serving import Server


def fail_to_start(settings: Settings) -> None:
    """Fail as a command does."""
    raise typer.Exit(78 if settings.uses_sqlite else 1)


def test_a_database_that_can_serve_passes(databases: Databases, database: str) -> None:
    check_database(Settings(database_url=databases.fresh(database)))


def test_a_database_that_is_not_migrated_is_only_reported(
    databases: Databases, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_database(Settings(database_url=databases.fresh(database, migrated=False)))
    assert capsys.readouterr().err.startswith("afterglow: not ready: ")


@pytest.mark.parametrize(
    ("url", "status"),
    [("postgresql://nobody@127.0.0.1:1/nothing", 1), ("sqlite:////nowhere/wisteria.db", 78)],
    ids=["refused", "no folder"],
)
def test_a_database_that_cannot_be_used_ends_the_start(
    url: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url=url)
    for check in (check_database, partial(prepare, url="http://127.0.0.1:8000", wants_demo=False)):
        with pytest.raises(typer.Exit) as raised:
            check(settings)
        assert raised.value.exit_code == status
        assert "AFTERGLOW_DATABASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize("is_created", [True, False], ids=["another keyring", "no keyring"])
def test_the_keyring_of_another_database_ends_the_start(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_created: bool
) -> None:
    server.person()
    settings = server.settings
    check_database(settings)
    other = tmp_path / "other.json"
    if is_created:
        create_keyring(other, generated=False)
    with pytest.raises(typer.Exit) as raised:
        check_database(settings.model_copy(update={"keyring": other}))
    assert raised.value.exit_code == 78
    assert "set AFTERGLOW_KEYRING to the keyring that belongs to the database" in capsys.readouterr().err


def test_the_status_of_work_that_fails_in_a_child_process_is_that_of_the_command() -> None:
    with pytest.raises(typer.Exit) as raised:
        starting.run_in_child([fail_to_start], Settings(database_url="sqlite:///wisteria.db"))
    assert raised.value.exit_code == 78
