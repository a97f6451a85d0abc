"""A sixth kind of record: the script writes its files, and it keeps the promises of every kind."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.records.journal import Journal
from tests.drafts import resource_of

ROOT = Path(__file__).parents[2]
TREES = ("app", "migrations", "tests", "openapi", "docs")
FILES = ("pyproject.toml", "README.md", ".env.example", "Dockerfile")


@pytest.mark.timeout(300)
def test_a_new_kind_keeps_the_promises_of_every_kind(tmp_path: Path) -> None:
    for name in TREES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    environment = {name: value for name, value in environment.items() if not name.startswith(("PYTEST", "COV"))}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    before = {path.relative_to(tmp_path) for tree in TREES for path in (tmp_path / tree).rglob("*.py")}
    said = run("-m", "tests.new_kind", "gentle-wishes", "gentle-wish").splitlines()[-1]
    files = "app/resources/gentle_wishes.py, tests/resources/test_gentle_wishes.py and openapi/CHANGELOG.md"
    assert said == f"Now change {files}; then run this command with --again."
    after = {path.relative_to(tmp_path) for tree in TREES for path in (tmp_path / tree).rglob("*.py")}
    new = {str(path) for path in after - before}
    assert {path.partition("/versions/")[0] for path in new} == {
        "app/resources/gentle_wishes.py",
        "migrations",
        "tests/resources/test_gentle_wishes.py",
    }
    module = tmp_path / "app/resources/gentle_wishes.py"
    field = '    notes: Text20000 | None = Field(None, description="Notes.")\n'
    assert field in module.read_text()
    text = module.read_text().replace(
        field, field + '    count: int | None = Field(None, ge=1, le=31, strict=True, description="How many.")\n'
    )
    module.write_text(text)
    run("-m", "tests.new_kind", "gentle-wishes", "gentle-wish", "--again")
    (migration,) = tmp_path.glob("migrations/versions/*gentle_wishes*")
    assert '"count", sa.Integer()' in migration.read_text()
    run("-m", "ruff", "check", *new)
    run("-m", "ruff", "format", "--check", *new)
    quick = ("-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider")
    of_all_kinds = ("tests/promises", "tests/sync/test_statements.py", "tests/resources/test_gentle_wishes.py")
    run(*quick, *of_all_kinds, "-k", "sqlite and gentle")
    run(*quick, "tests/house/test_contract.py", "tests/house/test_generators.py")


def test_a_kind_whose_journal_is_dated_by_a_day_is_refused() -> None:
    with pytest.raises(TypeError, match=r"outcomes: \['day'\] in journal.dated_by are days"):
        replace(resource_of("outcomes"), journal=Journal(dated_by=("day",)))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["sessions"], "sessions exist already: use --again"),
        (["gentle-wishes", "--again"], "gentle-wishes do not exist yet"),
        (["GentleWishes"], "a name has lower-case letters, with hyphens between its words"),
        (["../wishes"], "a name has lower-case letters, with hyphens between its words"),
    ],
    ids=["a kind that exists", "again, before the first time", "capitals", "a path"],
)
def test_the_script_refuses_what_is_no_new_kind(arguments: list[str], error: str) -> None:
    command = [sys.executable, "-m", "tests.new_kind", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"python -m tests.new_kind: error: {error}")
