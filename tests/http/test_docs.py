"""The pages about the API, without a browser: what they are, in which representation, and their assets."""

import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from app.docs.guide import render_guide
from app.docs.negotiation import prefers_html
from tests.witness import Client

GUIDE = Path(__file__).parents[2] / "openapi" / "README.md"
HTML, JSON = "text/html; charset=utf-8", "application/json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(BROWSER, True, id="a browser"),
        pytest.param("text/html", True, id="html"),
        pytest.param("TEXT/HTML", True, id="upper case"),
        pytest.param("text/*", True, id="any text"),
        pytest.param("application/json;q=0.5, text/html;q=0.6", True, id="html weighs more"),
        pytest.param("*/*;q=0.1, text/html", True, id="anything else weighs less"),
        pytest.param("text/html;level=1;q=0.9", True, id="a parameter before the weight"),
        pytest.param("application/json;q=0, */*", True, id="anything but json"),
        pytest.param("", False, id="nothing"),
        pytest.param("*/*", False, id="anything"),
        pytest.param("application/json", False, id="json"),
        pytest.param("text/html, application/json", False, id="both alike"),
        pytest.param("text/html;q=0.5, application/*", False, id="json weighs more by its range"),
        pytest.param("text/html;q=0", False, id="html is refused"),
        pytest.param("text/html;q=0, text/*", False, id="html is refused, other text is not"),
        pytest.param("image/png", False, id="neither"),
        pytest.param("text/html;q=2", False, id="a weight above 1"),
        pytest.param("text/html;q=wisteria", False, id="a weight that is no number"),
        pytest.param(";;,,=,q=1", False, id="nonsense"),
    ],
)
def test_html_is_sent_if_the_client_prefers_it_to_json(anyone: Client, accept: str, *, expected: bool) -> None:
    assert prefers_html(accept) is expected
    response = anyone.get("/", headers={"Accept": accept})
    assert response.headers["content-type"] == (HTML if expected else JSON)
    assert "Accept" in re.split(r",\s*", response.headers["vary"])


def test_the_home_page_links_to_every_page_and_the_health_check(anyone: Client) -> None:
    found = anyone.get("/", headers={"Accept": JSON}).json()
    assert (found["name"], found["version"]) == ("Afterglow", version("afterglow"))
    assert [*found["links"]] == ["docs", "redoc", "openapi", "guide", "health"]
    html = anyone.get("/", headers={"Accept": BROWSER}).text
    for url in found["links"].values():
        assert anyone.get(url).status_code == 200
        assert f'href="{url.removeprefix("/")}"' in html
    assert version("afterglow") in html


def test_a_head_request_is_answered_without_a_body(anyone: Client) -> None:
    response = anyone.head("/", headers={"Accept": BROWSER})
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/guide", "/docs", "/redoc"])
def test_a_page_is_public_and_runs_no_script_of_another_host(anyone: Client, path: str) -> None:
    response = anyone.get(path, headers={"Accept": BROWSER})
    assert (response.status_code, response.headers["content-type"]) == (200, HTML)
    assert response.headers["cache-control"] == "no-cache"
    policy = response.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert ("script-src 'self'" in policy) is (path in {"/docs", "/redoc"})
    assert not re.search(r"\{\w+\}", re.sub(r"<(code|main).*</\1>", "", response.text, flags=re.DOTALL))


@pytest.mark.parametrize("path", ["/", "/guide", "/docs", "/redoc"])
def test_every_asset_of_a_page_is_served(anyone: Client, path: str) -> None:
    html = anyone.get(path, headers={"Accept": BROWSER}).text
    assets = re.findall(r'(?:src|href)="(docs/assets/[^"]+)"', html)
    assert assets
    for asset in assets:
        assert anyone.get(f"/{asset}").status_code == 200


@pytest.mark.parametrize("name", ["wisteria.js", "swagger.html", "guide.md", "__init__.py"])
def test_an_unknown_asset_is_404(anyone: Client, name: str) -> None:
    assert anyone.get(f"/docs/assets/{name}").status_code == 404


def test_the_guide_is_that_of_the_repository(anyone: Client) -> None:
    contents, text = render_guide(GUIDE.read_text())
    html = anyone.get("/guide").text
    assert contents in html
    assert text in html


def test_every_heading_of_the_guide_has_its_own_name_and_every_link_a_target() -> None:
    contents, text = render_guide(GUIDE.read_text())
    names = Counter(re.findall(r'<h\d id="([^"]*)"', text))
    assert len(names) == len(re.findall(r"<h\d", text))
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in names)
    for link in re.findall(r'href="([^"]*)"', contents + text):
        assert link.removeprefix("#") in names or re.match(r"https?://", link)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[text](javascript:alert)", "<p>[text](javascript:alert)</p>"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<table>"),
    ],
    ids=["html", "a script's link", "a table"],
)
def test_markdown_becomes_safe_html(markdown: str, html: str) -> None:
    contents, text = render_guide(f"# Guide\n\n{markdown}\n")
    assert contents == "<ul>\n</ul>"
    assert html in text
