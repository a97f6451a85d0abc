"""Exports an account, and reads the archive."""

import io
import zipfile
from typing import Any

import orjson

from tests.serving import Person

Json = dict[str, Any]


class ExportedArchive:
    """An archive, unpacked."""

    def __init__(self, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            self.files = {info.filename: archive.read(info) for info in archive.infolist()}
            self.infos = archive.infolist()

    @property
    def manifest(self) -> Json:
        """The manifest."""
        manifest: Json = orjson.loads(self.files["manifest.json"])
        return manifest

    def records(self, collection: str) -> list[Json]:
        """Return the records of a kind."""
        return [orjson.loads(line) for line in self.files[f"records/{collection}.jsonl"].splitlines()]

    @property
    def journal(self) -> str:
        """All months of the journal."""
        return "".join(content.decode() for path, content in self.files.items() if path.startswith("journal/"))


def export(person: Person) -> ExportedArchive:
    """Export an account."""
    response = person.client.get("/v1/export")
    assert response.status_code == 200, response.text
    return ExportedArchive(response.content)
