"""The container image: its requirements are locked by hashes and match pyproject.toml."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
EXPORT = ("export", "--no-dev", "--group", "build", "--no-emit-project", "--format", "requirements-txt")


def locked(text: str) -> dict[str, set[str]]:
    """Return the hashes of each requirement; the key has its version and condition."""
    lines = text.replace("\\\n", " ").splitlines()
    entries = [line.split("--hash=") for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {first.strip(): {each.strip() for each in hashes} for first, *hashes in entries}


def test_the_requirements_match_pyproject() -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "uv runs the tests: pip install uv && uv run pytest"
    exported = subprocess.run([uv, *EXPORT, "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True)
    command = f"run: uv {' '.join(EXPORT)} --output-file requirements.txt"
    assert locked(REQUIREMENTS.read_text()) == locked(exported.stdout), command


def test_every_requirement_has_one_version_and_its_hashes() -> None:
    requirements = locked(REQUIREMENTS.read_text())
    assert requirements
    for name, hashes in requirements.items():
        assert re.fullmatch(r"[a-z0-9.-]+(\[[a-z,]+\])?==[^ ]+( ; .+)?", name)
        assert hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)


def test_the_requirements_contain_no_url() -> None:
    text = REQUIREMENTS.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-f)\b", text, re.MULTILINE)


def test_hadolint_accepts_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    assert hadolint is not None
    subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], check=True)


def test_the_image_runs_as_an_unprivileged_user_and_names_no_registry() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.11-slim"] * 2


def test_the_image_is_built_with_every_file_of_the_program() -> None:
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().splitlines()
    copied = [name for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()]
    assert ignored[0] == "*"
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied)
    linked = [path.resolve() for path in (ROOT / "app").rglob("*") if path.is_symlink()]
    assert {str(path.relative_to(ROOT)) for path in linked} <= set(copied)
