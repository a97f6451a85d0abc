"""A sixth kind of record: the script writes its files, and it keeps the promises of every kind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    run("-m", "tests.new_kind", "gentle-wishes", "gentle-wish")
    after = {path.relative_to(tmp_path) for tree in TREES for path in (tmp_path / tree).rglob("*.py")}
    new = {str(path) for path in after - before}
    assert {path.partition("/versions/")[0] for path in new} == {
        "app/resources/gentle_wishes.py",
        "migrations",
        "tests/resources/test_gentle_wishes.py",
    }
    run("-m", "ruff", "check", *new)
    run("-m", "ruff", "format", "--check", *new)
    quick = ("-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider")
    run(*quick, "tests/promises", "tests/resources/test_gentle_wishes.py", "-k", "sqlite and gentle")
    run(*quick, "tests/house/test_contract.py", "tests/house/test_generators.py")
