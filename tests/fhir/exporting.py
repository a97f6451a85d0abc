"""Bulk exports in the tests: a client that starts them, downloads their files, and keeps a copy."""

from dataclasses import dataclass, field
from typing import Any, Final

import httpx2 as httpx
import orjson

from tests.consents.clinic import Clinic
from tests.drafts import Json

ASYNC: Final = {"Prefer": "respond-async"}
Resources = dict[tuple[str, str], Json]
"""Resources by type and id."""


def start(clinic: Clinic, path: str = "$export", *, headers: Json | None = None, **query: Any) -> httpx.Response:
    """Request an export."""
    return clinic.client.get(f"/fhir/{path}", params=query or None, headers=ASYNC | (headers or {}))


def location(response: httpx.Response) -> str:
    """Return the URL of the manifest of an export that has started."""
    assert response.status_code == 202, response.text
    assert response.content == b""
    return str(response.headers["content-location"])


def manifest_of(clinic: Clinic, url: str) -> Json:
    """Return the manifest of an export."""
    response = clinic.client.get(url)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def download(clinic: Clinic, url: str) -> list[Json]:
    """Return the resources in a file."""
    response = clinic.client.get(url)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+ndjson"
    assert not response.text or response.text.endswith("\n")
    return [orjson.loads(line) for line in response.text.splitlines()]


@dataclass
class Export:
    """An export that was downloaded."""

    manifest: Json
    resources: Resources
    deleted: list[str]
    """The relative URLs of deleted resources."""

    @property
    def types(self) -> list[str]:
        """The types of its files."""
        return [each["type"] for each in self.manifest["output"]]


def export(clinic: Clinic, path: str = "$export", **query: Any) -> Export:
    """Start an export and download its files."""
    return downloaded(clinic, location(start(clinic, path, **query)))


def downloaded(clinic: Clinic, url: str) -> Export:
    """Download the files of an export."""
    manifest = manifest_of(clinic, url)
    resources: Resources = {}
    for each in manifest["output"]:
        for resource in download(clinic, each["url"]):
            assert resource["resourceType"] == each["type"]
            key = each["type"], resource["id"]
            assert key not in resources
            resources[key] = resource
    bundles = [bundle for each in manifest["deleted"] for bundle in download(clinic, each["url"])]
    assert all((each["resourceType"], each["type"]) == ("Bundle", "transaction") for each in bundles)
    requests = [each["request"] for bundle in bundles for each in bundle["entry"]]
    assert {each["method"] for each in requests} <= {"DELETE"}
    return Export(manifest, resources, [each["url"] for each in requests])


@dataclass
class Copy:
    """What a client has, which exports again and again what has changed since the last export."""

    clinic: Clinic
    since: str | None = None
    resources: Resources = field(default_factory=dict)

    def update(self) -> Export:
        """Export what has changed, and apply it."""
        found = export(self.clinic, **({} if self.since is None else {"_since": self.since}))
        for url in found.deleted:
            kind, _, id = url.partition("/")
            self.resources.pop((kind, id), None)
        self.resources |= found.resources
        self.since = found.manifest["transactionTime"]
        return found
