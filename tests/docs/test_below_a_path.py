"""The API and its pages behind nginx, below the path /afterglow."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from app import demo
from app.settings import Settings
from tests.browser import Visit
from tests.conftest import Servers
from tests.docs.nginx import documented_location, proxying
from tests.docs.swagger import OPERATIONS, expand, expect_signed_in, expect_status, open_docs, try_out
from tests.house.starting import started_server

ROOT = "/afterglow"
UVICORN = (sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--no-access-log")
SERVE = (str(Path(sys.executable).with_name("afterglow")), "serve")
LOGIN = {"email": demo.EMAIL, "password": demo.PASSWORD}
REMOVED = documented_location("Below a path")
"""nginx's location as documented, which removes the path."""
KEPT = REMOVED.replace("proxy_pass http://afterglow/;", "proxy_pass http://afterglow;")
WAYS = {
    "the setting, and nginx removes the path": (SERVE, ROOT, REMOVED),
    "the setting, and nginx keeps the path": (SERVE, ROOT, KEPT),
    "uvicorn --root-path, and nginx removes the path": ((*UVICORN, "--root-path", ROOT), "", REMOVED),
}


@pytest.fixture(scope="module")
def environment(lasting_servers: Servers) -> dict[str, str]:
    """The settings of a server with the demo's records."""
    settings: Settings = lasting_servers.settings("sqlite")
    asyncio.run(demo.create_demo(settings))
    return {"AFTERGLOW_DATABASE_URL": settings.database_url, "AFTERGLOW_KEYRING": str(settings.keyring)}


@pytest.fixture(scope="module", params=WAYS)
def below(
    request: pytest.FixtureRequest, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of the API below the path."""
    command, root_path, location = WAYS[request.param]
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("below")
        server = started_server([*command], folder, **environment, AFTERGLOW_ROOT_PATH=root_path)
        yield stack.enter_context(proxying(stack.enter_context(server), location)) + ROOT


def test_urls_in_responses_start_with_the_path(below: str) -> None:
    host = below.removesuffix(ROOT)
    assert KEPT != REMOVED
    assert httpx.get(f"{below}/openapi.json").json()["servers"][0]["url"] == ROOT
    for link in httpx.get(f"{below}/").json()["links"].values():
        assert link.startswith(f"{ROOT}/")
        assert httpx.get(host + link).status_code == 200
    problem = httpx.get(f"{below}/v1/me").json()
    assert problem["type"] == f"{ROOT}/problems/not-signed-in"
    assert httpx.get(host + problem["type"]).json()["title"] == problem["title"]
    token = httpx.post(f"{below}/v1/auth/login", json=LOGIN).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    created = httpx.post(f"{below}/v1/reflections", json={"body": "wisteria"}, headers=headers)
    assert created.headers["location"] == f"{ROOT}/v1/reflections/{created.json()['id']}"
    assert httpx.get(host + created.headers["location"], headers=headers).json() == created.json()


def test_a_path_without_a_slash_leads_to_the_home_page(below: str) -> None:
    found = httpx.get(below, follow_redirects=True, headers={"Accept": "text/html"})
    assert "<h1>Afterglow API</h1>" in found.text


def test_the_docs_page_works_below_the_path(below: str, visit: Visit) -> None:
    open_docs(visit, below)
    expect_status(try_out(visit, "login", LOGIN), 200)
    expect_signed_in(visit)
    response = try_out(visit, "create_session")
    expect_status(response, 201)
    expect(response).to_contain_text(f"location: {ROOT}/v1/sessions/")
    expect(expand(visit, "create_session").locator(".request-url")).to_contain_text(f"{below}/v1/sessions")
    with visit.page.context.expect_page() as opened:
        expand(visit, "create_session").locator(".problem-response a").first.click()
    expect(opened.value.locator("body")).to_contain_text(f'"type":"{ROOT}/problems/')
    visit.page.reload()
    expect_signed_in(visit)


@pytest.mark.parametrize("path", ["/", "/guide", "/docs", "/redoc"])
def test_every_page_links_to_the_others_below_the_path(below: str, visit: Visit, path: str) -> None:
    visit.page.goto(below + path)
    links = [str(each.evaluate("link => link.href")) for each in visit.page.locator("nav.pages a").all()]
    assert links == [f"{below}/{name}" for name in ("", "guide", "docs", "redoc", "openapi.json")]
    for link in links:
        assert httpx.get(link).status_code == 200


def test_redoc_works_below_the_path(below: str, visit: Visit) -> None:
    visit.page.goto(f"{below}/redoc")
    expect(visit.page.locator("h2", has_text=OPERATIONS["push_changes"]["summary"]).first).to_be_attached()
    expect(visit.page.locator("body")).to_contain_text(f"{ROOT}/v1/sync/push")


def test_the_pages_work_below_a_path_that_the_server_does_not_know(
    environment: dict[str, str], tmp_path: Path, visit: Visit
) -> None:
    with started_server([*SERVE], tmp_path, **environment) as url, proxying(url, REMOVED) as host:
        open_docs(visit, host + ROOT)
        expect_status(try_out(visit, "login", LOGIN), 200)
        for path in ("/", "/guide", "/redoc"):
            visit.page.goto(host + ROOT + path)
            expect(visit.page.locator("h1, h2").first).to_be_visible()
