"""Reading: the current record, or 304 if the client has it already."""

import pytest

from app.ids import new_id
from app.records import Resource
from tests.drafts import create_record, etag, reworded
from tests.serving import Person

CURRENT = {
    '"{version}"': '"{version}"',
    'W/"{version}"': 'W/"{version}"',
    '"1", "{version}"': '"{version}"',
    '"1",W/"{version}" , "2"': 'W/"{version}"',
    'W/"{version}0", "{version}"': '"{version}"',
    "*": '"{version}"',
}
"""Forms of If-None-Match that contain the current version, and the ETag of the response."""
OTHER = ('"1"', '"{next}"', 'W/"1", "{version}0"', "{version}", '""')
"""Forms of If-None-Match that do not contain the current version."""
URLS = {
    "list": "",
    "page": "?limit=1",
    "record": "/{id}",
    "unknown record": "/{unknown}",
    "unknown parameter": "?wrong=1",
}


def test_a_response_has_all_members_in_order_and_the_etag(alice: Person, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    response = alice.client.get(f"{path}/{record['id']}")
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{record["version"]}"'
    assert response.json() == record
    assert tuple(response.json()) == resource.public_names
    assert record["visibility"] == "private"
    assert record["created_at"] == record["updated_at"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("known", "named"), CURRENT.items(), ids=CURRENT)
def test_a_client_that_has_the_current_version_gets_304(
    alice: Person, resource: Resource, path: str, *, known: str, named: str, method: str
) -> None:
    record = create_record(alice.client, resource, alice)
    headers = {"If-None-Match": known.format_map(record)}
    response = alice.client.request(method, f"{path}/{record['id']}", headers=headers)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == named.format_map(record)
    assert response.headers["vary"] == "Accept-Encoding, Origin"
    assert "content-type" not in response.headers


@pytest.mark.parametrize("known", OTHER)
def test_a_client_that_has_another_version_gets_the_record(
    alice: Person, resource: Resource, path: str, known: str
) -> None:
    record = create_record(alice.client, resource, alice)
    headers = {"If-None-Match": known.format_map(record | {"next": record["version"] + 1})}
    assert alice.client.get(f"{path}/{record['id']}", headers=headers).json() == record


def test_a_client_that_has_the_version_before_a_change_gets_the_changed_record(
    alice: Person, resource: Resource, path: str
) -> None:
    record = create_record(alice.client, resource, alice)
    url, known = f"{path}/{record['id']}", {"If-None-Match": f'"{record["version"]}"'}
    assert alice.client.get(url, headers=known).status_code == 304
    changes = reworded(resource, "wisteria in a new light")
    changed = alice.client.patch(url, json=changes, headers=etag(record)).json()
    assert alice.client.get(url, headers=known).json() == changed


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_head_is_get_without_a_body(alice: Person, resource: Resource, path: str, url: str) -> None:
    record = create_record(alice.client, resource, alice)
    target, headers = path + url.format(id=record["id"], unknown=new_id()), {"X-Request-Id": "the-same"}
    get = alice.client.get(target, headers=headers)
    head = alice.client.head(target, headers=headers)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
