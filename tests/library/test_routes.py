"""The routes of the library: public, cacheable, and lenient about regions and languages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.library.files import DATA
from app.records.domains import Domain
from app.resources.elements import ElementKind
from tests.drafts import Json
from tests.refusals import pointers, refused
from tests.witness import Client

PATHS = ("/v1/instruments", "/v1/instruments/phq-9", "/v1/prompts", "/v1/help")
each_path = pytest.mark.parametrize("path", PATHS)


@each_path
def test_content_needs_no_sign_in_and_can_be_cached(anyone: Client, path: str) -> None:
    response = anyone.get(path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=86400"
    tag = response.headers["etag"]
    again = anyone.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "public, max-age=86400"
    assert anyone.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@each_path
def test_an_unknown_parameter_is_refused(anyone: Client, path: str) -> None:
    assert pointers(anyone.get(path, params={"wisteria": "1"})) == ["/wisteria"]


def test_the_tag_is_strong_and_of_the_content(anyone: Client) -> None:
    plain = {"Accept-Encoding": "identity"}
    tags = [anyone.get(path, headers=plain).headers["etag"] for path in (*PATHS, "/v1/prompts?phase=fresh")]
    assert all(tag.startswith('"') for tag in tags)
    assert len(set(tags)) == len(tags)


def test_the_list_has_each_instrument_without_its_items(anyone: Client) -> None:
    items = anyone.get("/v1/instruments").json()["items"]
    assert [each["code"] for each in items] == ["gad-7", "pcl-5", "pgi-c", "phq-9", "who-5"]
    assert items[3] == {
        "code": "phq-9",
        "version": "1",
        "title": "Patient Health Questionnaire-9",
        "licence": {"name": "public-domain", "text_included": False},
        "asks_about_days": 14,
        "language": "en",
    }


@pytest.mark.parametrize("file", sorted((DATA / "instruments").iterdir()), ids=lambda path: path.stem)
def test_an_instrument_is_served_as_its_file_with_texts_that_are_null(anyone: Client, file: Path) -> None:
    expected = json.loads(file.read_bytes())
    for part in (*expected["items"], *(option for options in expected["options"].values() for option in options)):
        part["text"] = None
    response = anyone.get(f"/v1/instruments/{expected['code']}", params={"version": expected["version"]})
    assert response.json() == expected


def test_an_unknown_instrument_or_version_is_not_found(anyone: Client) -> None:
    for path in ("/v1/instruments/wisteria", "/v1/instruments/phq-9?version=2", "/v1/instruments/PHQ-9"):
        refused(anyone.get(path), 404, "not-found")
    assert pointers(anyone.get("/v1/instruments/phq-9?version=wisteria")) == ["/version"]


def test_prompts_are_selected_by_phase_kind_and_domain(anyone: Client) -> None:
    every = anyone.get("/v1/prompts").json()
    assert (every["language"], every["set"], len(every["items"])) == ("en", 1, 87)
    cases: dict[str, Callable[[Json], bool]] = {
        "phase=fresh": lambda each: each["phase"] == "fresh",
        "element_kind=memory": lambda each: "memory" in each["element_kinds"],
        "domain=body": lambda each: "body" in each["domains"],
        "phase=months&domain=nature": lambda each: each["phase"] == "months" and "nature" in each["domains"],
    }
    for query, chosen in cases.items():
        items = anyone.get(f"/v1/prompts?{query}").json()["items"]
        assert items == [each for each in every["items"] if chosen(each)]
        assert items


@pytest.mark.parametrize("name", ["phase", "element_kind", "domain"])
def test_a_value_that_prompts_cannot_have_is_refused(anyone: Client, name: str) -> None:
    assert pointers(anyone.get("/v1/prompts", params={name: "wisteria"})) == [f"/{name}"]


def test_a_prompt_is_about_kinds_and_domains_that_exist(anyone: Client) -> None:
    items = anyone.get("/v1/prompts").json()["items"]
    assert {kind for each in items for kind in each["element_kinds"]} <= {*ElementKind}
    assert {domain for each in items for domain in each["domains"]} == {*Domain}
    assert len({each["id"] for each in items}) == len(items)


@pytest.mark.parametrize("language", ["", "en-GB", "de", "xx", "wisteria"])
def test_prompts_in_a_language_without_any_are_english(anyone: Client, language: str) -> None:
    assert anyone.get("/v1/prompts", params={"language": language}).json()["language"] == "en"


@pytest.mark.parametrize(
    ("query", "region", "language", "name"),
    [
        ({"region": "DE", "language": "de"}, "DE", "de", "TelefonSeelsorge"),
        ({"region": "de", "language": "de-AT"}, "DE", "de", "TelefonSeelsorge"),
        ({"region": "US"}, "US", "en", "988 Suicide & Crisis Lifeline"),
        ({"region": "XX", "language": "xx"}, "elsewhere", "en", "Find A Helpline (a directory by country)"),
        ({"region": "wisteria", "language": "w" * 100}, "elsewhere", "en", "Find A Helpline (a directory by country)"),
        ({}, "elsewhere", "en", "Find A Helpline (a directory by country)"),
    ],
    ids=["known", "other spelling", "default language", "unknown", "no codes", "nothing"],
)
def test_help_is_that_of_the_region_or_of_elsewhere(
    anyone: Client, query: dict[str, str], region: str, language: str, name: str
) -> None:
    found = anyone.get("/v1/help", params=query).json()
    assert (found["region"], found["language"], found["monitored"]) == (region, language, False)
    assert [line["name"] for line in found["lines"]] == [name]
    assert found["title"]
    assert "Nobody reads" in found["text"] or "Niemand liest" in found["text"]
