"""The package: the built archives contain every file of the program, and the guide that the server displays."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "migrations")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source archive, and the wheel that was built from it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "uv runs the tests: pip install uv && uv run pytest"
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([uv, "build", "--quiet", "--out-dir", folder], cwd=ROOT, check=True)
    return folder


def program() -> list[str]:
    """Return the files of the program, below the root."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(ROOT)) for path in files if path.suffix != ".pyc")


def test_the_wheel_contains_every_file_of_the_program(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith(tuple(f"{each}/" for each in FOLDERS))}
        assert sorted(packed) == program()
        for name in packed:
            assert archive.read(name) == (ROOT / name).read_bytes()


def test_the_source_archive_contains_every_file_of_the_program(built: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (extracted,) = tmp_path.iterdir()
    for name in program():
        assert (extracted / name).read_bytes() == (ROOT / name).read_bytes()
