"""Reading: the current record, or 304 if the client has it already."""

from app.ids import new_id
from app.records import Resource
from tests.drafts import create_record, etag
from tests.serving import Person


def test_a_response_has_all_members_in_order_and_the_etag(alice: Person, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    response = alice.client.get(f"{path}/{record['id']}")
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{record["version"]}"'
    assert response.json() == record
    assert tuple(response.json()) == resource.public_names
    assert record["visibility"] == "private"
    assert record["created_at"] == record["updated_at"]


def test_a_client_that_has_the_current_version_gets_304(alice: Person, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    url, tag = f"{path}/{record['id']}", f'"{record["version"]}"'
    weak = f"W/{tag}"
    for known, named in (
        (tag, tag),
        (weak, weak),
        (f'"1", {tag}', tag),
        (f'"1",{weak} , "2"', weak),
        (f'W/{tag[:-1]}0", {tag}', tag),
        ("*", tag),
    ):
        for method in ("GET", "HEAD"):
            response = alice.client.request(method, url, headers={"If-None-Match": known})
            assert (response.status_code, response.headers["etag"], response.content) == (304, named, b"")
            assert response.headers["vary"] == "Accept-Encoding, Origin"
            assert "content-type" not in response.headers
    for other in ('"1"', f'"{record["version"] + 1}"', f'W/"1", "{record["version"]}0"', str(record["version"]), '""'):
        assert alice.client.get(url, headers={"If-None-Match": other}).json() == record
    changes = {resource.text: "wisteria in a new light"}
    changed = alice.client.patch(url, json=changes, headers=etag(record)).json()
    assert alice.client.get(url, headers={"If-None-Match": tag}).json() == changed


def test_head_is_get_without_a_body(alice: Person, resource: Resource, path: str) -> None:
    record = create_record(alice.client, resource, alice)
    request_id = {"X-Request-Id": "the-same"}
    for url in (path, f"{path}?limit=1", f"{path}/{record['id']}", f"{path}/{new_id()}", f"{path}?wrong=1"):
        get = alice.client.get(url, headers=request_id)
        head = alice.client.head(url, headers=request_id)
        assert head.content == b""
        assert head.status_code == get.status_code
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
