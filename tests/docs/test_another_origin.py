"""Calls from a web app on another port, in a browser, which enforces CORS."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Error

from tests.browser import Visit, visiting
from tests.conftest import Servers
from tests.drafts import draft_of, resource_of
from tests.serving import PASSWORD, Server

CALLS = """async ({ url, email, password, draft }) => {
  const send = async (method, path, body, headers) => {
    const content = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
    return fetch(url + path, { method, headers, ...content });
  };
  const { access_token } = await (await send("POST", "/v1/auth/login", { email, password })).json();
  const bearer = { Authorization: `Bearer ${access_token}` };
  const created = await send("POST", "/v1/sessions", draft, bearer);
  const location = created.headers.get("Location");
  const changed = await send("PATCH", location, { title: "wisteria" }, { ...bearer, "If-Match": created.headers.get("ETag") });
  const missing = await send("GET", "/v1/sessions/wisteria", null, bearer);
  const events = await send("GET", "/v1/sync/events", null, { ...bearer, "Last-Event-ID": "0" });
  const reader = events.body.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  return {
    title: (await changed.json()).title,
    code: (await missing.json()).code,
    id: missing.headers.get("X-Request-Id"),
    event: first.split("\\n").find((line) => line.startsWith("event")),
  };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[str]:
    """The URL of a web app, served from another port than the API."""
    (tmp_path / "index.html").write_text("<!doctype html><link rel=icon href=data:,><h1>App</h1>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def call(visit: Visit, app: str, server: Server) -> dict[str, Any]:
    """Call the API from the app's page, and return what the page could read."""
    visit.page.goto(app)
    person, draft = server.person("alice"), draft_of(resource_of("sessions"))
    given = {"url": server.url, "email": person.email, "password": PASSWORD, "draft": draft}
    found: dict[str, Any] = visit.page.evaluate(CALLS, given)
    return found


@pytest.mark.parametrize("configured", [False, True], ids=["development", "a configured origin"])
def test_a_web_app_on_another_port_can_use_the_api(servers: Servers, app: str, *, configured: bool) -> None:
    server = servers.start(servers.settings("sqlite", **({"origins": app} if configured else {})))
    with visiting() as visit:
        found = call(visit, app, server)
        assert (found["title"], found["code"], found["event"]) == ("wisteria", "not-found", "event: head")
        assert found["id"]
    server.end_test()


def test_an_app_of_an_origin_that_is_not_allowed_cannot(servers: Servers, app: str) -> None:
    server = servers.start(servers.settings("sqlite", origins="https://app.example.org"))
    with visiting() as visit, pytest.raises(Error, match="Failed to fetch"):
        call(visit, app, server)
    assert any("Access-Control-Allow-Origin" in trouble for trouble in visit.troubles)
    server.end_test()
